import type { ReactNode } from "react";
import styles from "./EmptyState.module.css";

/** Says plainly why there is nothing to see, and what to do about it. */
export function EmptyState({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: { href: string; label: string };
}) {
  return (
    <div className={styles.empty}>
      <p className={styles.title}>{title}</p>
      {children !== undefined && <p className={styles.text}>{children}</p>}
      {action !== undefined && <a href={action.href}>{action.label}</a>}
    </div>
  );
}
