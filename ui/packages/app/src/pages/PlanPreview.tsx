import { format, formatDuration, type Plan, type PlanShape, planShape } from "@katydid/core";
import styles from "./PlanPreview.module.css";
import { count } from "./words";

const WIDTH = 600;
const HEIGHT = 72;

/** Users over time, as the form has it now. */
export function PlanPreview({ shape, text }: { shape: PlanShape | null; text: string }) {
  if (shape === null) return <div className={styles.preview} aria-hidden="true" />;
  const { corners, span, peak } = shape;
  const points = corners.map(([seconds, users]) => {
    return `${(seconds / span) * WIDTH} ${HEIGHT - (users / Math.max(peak, 1)) * (HEIGHT - 4)}`;
  });
  const line = `M${points.join("L")}`;
  return (
    <div className={styles.preview}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
        <path className={styles.area} d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
        <path className={styles.line} d={line} />
      </svg>
      <p className={styles.words}>{text}</p>
    </div>
  );
}

/** The plan in a sentence. */
export function words(plan: Plan): string {
  const { rampSeconds, peak } = planShape(plan);
  const end = plan.runTime === null ? "runs until stopped" : `ends at ${formatDuration(plan.runTime)}`;
  if (peak < plan.users) {
    return `Reaches only ${count(peak, "user")} of ${format.count(plan.users)}: the ramp would need ${ramp(rampSeconds)}; ${end}.`;
  }
  if (rampSeconds <= 1) return `${count(peak, "user")} at once; ${end}.`;
  return `Reaches ${count(peak, "user")} after ${ramp(rampSeconds)}; ${end}.`;
}

/** Stages in a sentence. */
export function stagesWords({ rampSeconds, peak, span }: PlanShape): string {
  return `${count(peak, "user")} at the peak, first after ${ramp(rampSeconds)}; ends at ${formatDuration(span)}.`;
}

function ramp(seconds: number): string {
  return formatDuration(Math.ceil(seconds));
}
