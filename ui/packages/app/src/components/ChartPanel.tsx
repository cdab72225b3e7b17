import { type Annotations, Chart, type Group, moment, type Spec, summary, wantsLog } from "@katydid/charts";
import { type Folded, fold, format, isActive } from "@katydid/core";
import { useEffect, useId, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useLive, useView } from "../live/hooks";
import { useTheme } from "../theme";
import { useAnnotations } from "./annotations";
import styles from "./ChartPanel.module.css";
import { ChartTable } from "./ChartTable";
import { Icon } from "./Icon";
import { Legend } from "./Legend";

/** While a run is young its charts show this many seconds, so that the first points do not leap about. */
const YOUNG_SPAN = 60;

type Scale = "auto" | "linear" | "log";

const SCALES: readonly Scale[] = ["auto", "linear", "log"];

/** A chart with its title, legend, read-out, table and words. */
export function ChartPanel({ spec, group }: { spec: Spec; group: Group }) {
  const { store } = useLive();
  const version = useView((view) => view.seriesVersion);
  const span = useView(({ run }) =>
    run !== null && isActive(run.state) ? Math.min(YOUNG_SPAN, run.runTime ?? YOUNG_SPAN) : 0,
  );
  const cursor = useSyncExternalStore(group.subscribe, () => group.cursor);
  const zoom = useSyncExternalStore(group.subscribe, () => group.zoom);
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [scale, setScale] = useState<Scale>("auto");
  const [asTable, setAsTable] = useState(false);
  const titleId = useId();

  // biome-ignore lint/correctness/useExhaustiveDependencies: the series changes in place, its version tells when
  const folded = useMemo(() => {
    const columns = spec.lines.map(({ column }) => column);
    return fold(store.model.series, columns, store.model.origin);
  }, [spec, store, version]);

  const annotations = useAnnotations();
  const [wasLog, setWasLog] = useState(false);
  const autoLog = spec.canLog && wantsLog(folded, wasLog);
  if (autoLog !== wasLog) setWasLog(autoLog);
  const log = spec.canLog && (scale === "auto" ? autoLog : scale === "log");

  const toggle = (line: number) => {
    const next = new Set(hidden);
    if (!next.delete(line)) next.add(line);
    setHidden(next);
  };

  const move = (event: React.KeyboardEvent) => {
    const index = nextIndex(event, cursor, folded.x.length);
    if (index === null) return;
    event.preventDefault();
    group.setCursor(index, null);
    store.announce(moment(spec, folded, index));
  };

  return (
    <section className={styles.panel} aria-labelledby={titleId}>
      <div className={styles.head}>
        <h2 id={titleId}>{spec.title}</h2>
        <span className={styles.note}>{note(folded, spec, cursor, annotations)}</span>
        <div className={styles.tools}>
          {zoom !== null && (
            <button type="button" className={styles.chip} onClick={() => group.setZoom(null)}>
              Back to live <Icon name="close" size={14} />
            </button>
          )}
          {spec.canLog && (
            <button
              type="button"
              title="Scale of the value axis: auto, linear or logarithmic"
              onClick={() => setScale(SCALES[(SCALES.indexOf(scale) + 1) % SCALES.length] ?? "auto")}
            >
              {scale === "auto" ? `Auto (${log ? "log" : "linear"})` : scale === "log" ? "Log" : "Linear"}
            </button>
          )}
          <button type="button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            <Icon name={asTable ? "chart" : "table"} size={15} />
            {asTable ? "As chart" : "As table"}
          </button>
        </div>
      </div>
      <Legend spec={spec} folded={folded} cursor={cursor} hidden={hidden} onToggle={toggle} />
      {asTable ? (
        <ChartTable spec={spec} />
      ) : (
        <div
          className={styles.canvas}
          role="img"
          aria-label={summary(spec, folded)}
          tabIndex={0}
          onKeyDown={move}
        >
          <Canvas
            spec={spec}
            group={group}
            folded={folded}
            log={log}
            span={span}
            hidden={hidden}
            annotations={annotations}
          />
          {folded.x.length === 0 && <p className={styles.empty}>No data yet</p>}
        </div>
      )}
    </section>
  );
}

/** The canvas itself; a hidden page does not draw. */
function Canvas({
  spec,
  group,
  folded,
  log,
  span,
  hidden,
  annotations,
}: {
  spec: Spec;
  group: Group;
  folded: Folded;
  log: boolean;
  span: number;
  hidden: ReadonlySet<number>;
  annotations: Annotations;
}) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const theme = useTheme();

  useEffect(() => {
    if (host.current === null) return;
    const made = new Chart(host.current, spec, group);
    chart.current = made;
    return () => {
      made.destroy();
      chart.current = null;
    };
  }, [spec, group]);

  useEffect(() => {
    const draw = () => {
      if (!document.hidden && folded.x.length > 0) chart.current?.draw(folded, { log, span });
    };
    draw();
    document.addEventListener("visibilitychange", draw);
    return () => document.removeEventListener("visibilitychange", draw);
  }, [folded, log, span]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read again when the theme changes
  useEffect(() => chart.current?.retheme(), [theme]);

  useEffect(() => chart.current?.hide(hidden), [hidden]);

  useEffect(() => chart.current?.annotate(annotations), [annotations]);

  return <div ref={host} className={styles.host} />;
}

/** The unit, how much time one point stands for and how it was made, and the moment the legend shows. */
function note(
  { x, step }: Folded,
  { lines, canLog }: Spec,
  cursor: number | null,
  { marks }: Annotations,
): string {
  const resolution = step === 1 ? "1 s" : `${canLog ? "worst second of each" : "mean of"} ${step} s`;
  const at = cursor === null ? undefined : x[cursor];
  if (at === undefined) return [lines[0]?.unit, resolution].join(" · ");
  const happened = marks.filter((mark) => Math.floor(mark.x / step) === Math.floor(at / step));
  const texts = happened.map(({ text }) => text);
  return [lines[0]?.unit, resolution, `at ${format.axisTime(at)}`, ...texts].join(" · ");
}

/** Where a key moves the crosshair, or null if it is not a key for it. */
function nextIndex(
  { key, shiftKey }: React.KeyboardEvent,
  cursor: number | null,
  length: number,
): number | null {
  if (length === 0) return null;
  const step = shiftKey ? 10 : 1;
  const from = cursor ?? length - 1;
  const wanted = { ArrowLeft: from - step, ArrowRight: from + step, Home: 0, End: length - 1 }[key];
  return wanted === undefined ? null : Math.min(length - 1, Math.max(0, wanted));
}
