import { format } from "@katydid/core";
import { runPath } from "../route";
import { failedOf, type Kept } from "./Runs";
import styles from "./Trend.module.css";

const WIDTH = 360;
const HEIGHT = 120;
const EDGE = 14;
const RADIUS = 5;

/** The measures that are shown, each on a scale of its own from zero. */
const MEASURES: readonly {
  id: string;
  label: string;
  value: (kept: Kept) => number | null;
  write: (value: number | null) => string;
}[] = [
  { id: "p95", label: "p95", value: ({ total }) => total?.p95 ?? null, write: format.time },
  { id: "rps", label: "Requests per second", value: ({ total }) => total?.rps ?? null, write: format.rate },
  {
    id: "failures",
    label: "Failed",
    value: failedOf,
    write: (ratio) => (ratio === null ? format.NO_DATA : `${format.percent(ratio)} %`),
  },
];

/** How some runs went from one to the next: a dot for each, the oldest first. */
export function Trend({ runs }: { runs: readonly Kept[] }) {
  const sorted = [...runs].sort((a, b) => a.run.started - b.run.started);
  return (
    <section className={styles.trend} aria-label="Trend of the chosen runs">
      {MEASURES.map((measure) => (
        <Dots key={measure.id} runs={sorted} measure={measure} />
      ))}
    </section>
  );
}

function Dots({ runs, measure }: { runs: readonly Kept[]; measure: (typeof MEASURES)[number] }) {
  const { id, label, value, write } = measure;
  const values = runs.map(value);
  const most = Math.max(0, ...values.map((each) => each ?? 0));
  const dots = runs.flatMap((kept, index) => {
    const at = values[index] ?? null;
    if (at === null) return [];
    const part = runs.length > 1 ? index / (runs.length - 1) : 0.5;
    return [
      {
        run: kept.run,
        x: EDGE + part * (WIDTH - 2 * EDGE),
        y: HEIGHT - EDGE - (most > 0 ? at / most : 0) * (HEIGHT - 2 * EDGE),
        text: `${kept.run.title ?? kept.run.id}: ${write(at)}`,
      },
    ];
  });
  const [first, last] = [values[0] ?? null, values.at(-1) ?? null];
  return (
    <figure className={styles.panel} data-measure={id}>
      <figcaption>
        {label}
        <span>
          {write(first)} → {write(last)}
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} focusable="false">
        <title>{`${label} of ${runs.length} runs`}</title>
        <line x1={0} x2={WIDTH} y1={HEIGHT - EDGE} y2={HEIGHT - EDGE} className={styles.zero} />
        <polyline points={dots.map(({ x, y }) => `${x},${y}`).join(" ")} className={styles.line} />
        {dots.map(({ run, x, y, text }) => (
          <a
            key={run.id}
            href={`#${runPath(run.is_current ? null : run.id, "overview")}`}
            aria-label={text}
            className={styles.dot}
            data-result={run.result}
          >
            <title>{text}</title>
            {/* Larger than what is seen, so that it can be hit. */}
            <circle cx={x} cy={y} r={12} className={styles.target} />
            <circle cx={x} cy={y} r={RADIUS} />
            {run.baseline === run.id && <circle cx={x} cy={y} r={RADIUS + 3} className={styles.ring} />}
          </a>
        ))}
      </svg>
    </figure>
  );
}
