import { type ReactNode, useId } from "react";
import styles from "./ChartPanel.module.css";

/** The frame of a chart: its title, what it shows besides, and what can be done with it. */
export function Panel({
  title,
  note,
  tools,
  wide = false,
  children,
}: {
  title: string;
  note?: string | undefined;
  tools?: ReactNode;
  /** Takes the whole width of a grid. */
  wide?: boolean;
  children: ReactNode;
}) {
  const titleId = useId();
  return (
    <section className={styles.panel} aria-labelledby={titleId} data-wide={wide || undefined}>
      <div className={styles.head}>
        <h2 id={titleId}>{title}</h2>
        <span className={styles.note}>{note}</span>
        <div className={styles.tools}>{tools}</div>
      </div>
      {children}
    </section>
  );
}
