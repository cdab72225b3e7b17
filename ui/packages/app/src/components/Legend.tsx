import type { Spec } from "@katydid/charts";
import type { Folded } from "@katydid/core";
import styles from "./Legend.module.css";

/** The lines of a chart with their values: at the crosshair, or else the newest. */
export function Legend({
  spec,
  folded,
  cursor,
  hidden,
  onToggle,
}: {
  spec: Spec;
  folded: Folded;
  cursor: number | null;
  hidden: ReadonlySet<number>;
  onToggle: (line: number) => void;
}) {
  const index = cursor !== null && cursor < folded.x.length ? cursor : folded.x.length - 1;
  return (
    <div className={styles.legend}>
      {spec.lines.map(({ label, colour, dash, write }, line) => (
        <button
          key={label}
          type="button"
          aria-pressed={!hidden.has(line)}
          title={hidden.has(line) ? `Show ${label}` : `Hide ${label}`}
          onClick={() => onToggle(line)}
        >
          <svg width="18" height="8" aria-hidden="true" focusable="false" data-colour={colour}>
            <path d="M1 4H17" strokeDasharray={dash.join(" ")} />
          </svg>
          <span>{label}</span>
          <strong>{write(folded.columns[line]?.[index] ?? null)}</strong>
        </button>
      ))}
    </div>
  );
}
