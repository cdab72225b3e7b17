import { format } from "@katydid/core";
import styles from "./Moment.module.css";

/** When something was, by the clock, and how long ago that is. */
export function Moment({ at, now }: { at: number; now: number }) {
  return (
    <time className={styles.moment} dateTime={new Date(at).toISOString()} title={format.timeOfDay(at)}>
      {format.ago(now - at)}
    </time>
  );
}
