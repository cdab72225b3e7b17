import { isActive } from "@katydid/core";
import { useLive, useNow, useView } from "../live/hooks";
import styles from "./LiveIndicator.module.css";

/** How old the data on screen is. */
export function LiveIndicator() {
  const { store } = useLive();
  const active = useView((view) => view.run !== null && isActive(view.run.state));
  const now = useNow(200);
  const link = store.linkView(now);
  return (
    <span className={styles.live} data-kind={link.kind} title="Age of the newest data from the controller">
      <span className={styles.dot} data-active={active || undefined} />
      {WORDS[link.kind](link.kind === "connecting" ? 0 : link.age, active)}
    </span>
  );
}

const WORDS = {
  connecting: () => "connecting",
  live: (age: number, active: boolean) => (active ? `live · ${(age / 1000).toFixed(1)} s` : "connected"),
  stale: (age: number) => `data ${Math.round(age / 1000)} s old`,
  lost: () => "disconnected",
};
