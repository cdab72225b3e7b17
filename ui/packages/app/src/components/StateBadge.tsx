import { type Run, stateLabel, type Tone } from "@katydid/core";
import { Icon, type IconName } from "./Icon";
import styles from "./StateBadge.module.css";

const ICONS: Readonly<Record<Tone, IconName>> = { idle: "check", ok: "play", warn: "errors", err: "errors" };

/** The state of a run by icon, word and colour. */
export function StateBadge({ run }: { run: Run }) {
  const { word, tone } = stateLabel(run);
  return (
    <span className={styles.badge} data-tone={tone} data-testid="state">
      <Icon name={ICONS[tone]} size={13} />
      {word}
    </span>
  );
}
