import { useLive, useView } from "../live/hooks";
import { Icon } from "./Icon";
import styles from "./Toasts.module.css";

/** Messages that stay until closed. Screen readers hear them through the announcer. */
export function Toasts() {
  const { store } = useLive();
  const toasts = useView((view) => view.toasts);
  if (toasts.length === 0) return null;
  return (
    <section className={styles.stack} aria-label="Messages">
      {toasts.map(({ id, text, tone }) => (
        <div key={id} className={styles.toast} data-tone={tone}>
          <Icon name={tone === "ok" ? "check" : "errors"} />
          <p>{text}</p>
          <button type="button" aria-label="Close the message" onClick={() => store.closeToast(id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </section>
  );
}
