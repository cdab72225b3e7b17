import {
  type Annotations,
  Chart,
  type Group,
  moment,
  type RunSpec,
  type Spec,
  summary,
  wantsLog,
} from "@katydid/charts";
import { type Folded, fold, format, isActive } from "@katydid/core";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useLive, useView } from "../live/hooks";
import { useTheme } from "../theme";
import { useAnnotations } from "./annotations";
import styles from "./ChartPanel.module.css";
import { ChartTable } from "./ChartTable";
import { Icon } from "./Icon";
import { Legend } from "./Legend";
import { Panel } from "./Panel";

/** While a run is young its charts show this many seconds, so that the first points do not leap about. */
const YOUNG_SPAN = 60;

type Scale = "auto" | "linear" | "log";

const SCALES: readonly Scale[] = ["auto", "linear", "log"];

/** A chart of the run's own seconds. */
export function RunChart({ spec, group }: { spec: RunSpec; group: Group }) {
  const { store } = useLive();
  const version = useView((view) => view.seriesVersion);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the series changes in place, its version tells when
  const read = useCallback(
    (limit?: number) => fold(store.model.series, spec.columns, store.model.origin, limit),
    [spec, store, version],
  );
  return <ChartPanel spec={spec} group={group} read={read} />;
}

/** A chart over time with its title, legend, read-out, table and words. */
export function ChartPanel({
  spec,
  group,
  read,
}: {
  spec: Spec;
  group: Group;
  /** The columns of the spec's lines, folded to at most so many points; another function when they change. */
  read: (limit?: number) => Folded;
}) {
  const { store, kept } = useLive();
  const span = useView(({ run }) =>
    run !== null && isActive(run.state) ? Math.min(YOUNG_SPAN, run.runTime ?? YOUNG_SPAN) : 0,
  );
  const cursor = useSyncExternalStore(group.subscribe, () => group.cursor);
  const zoom = useSyncExternalStore(group.subscribe, () => group.zoom);
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [scale, setScale] = useState<Scale>("auto");
  const [asTable, setAsTable] = useState(false);
  const folded = useMemo(() => read(), [read]);
  const annotations = useAnnotations();
  const [wasLog, setWasLog] = useState(false);
  const autoLog = spec.canLog && wantsLog(folded, wasLog);
  if (autoLog !== wasLog) setWasLog(autoLog);
  const log = spec.canLog && (scale === "auto" ? autoLog : scale === "log");
  const index = indexAt(folded.x, cursor);

  const toggle = (line: number) => {
    const next = new Set(hidden);
    if (!next.delete(line)) next.add(line);
    setHidden(next);
  };

  const move = (event: React.KeyboardEvent) => {
    const next = nextIndex(event, index, folded.x.length);
    if (next === null) return;
    event.preventDefault();
    group.setCursor(folded.x[next] ?? null, null);
    store.announce(moment(spec, folded, next));
  };

  const tools = (
    <>
      {zoom !== null && (
        <button type="button" className={styles.chip} onClick={() => group.setZoom(null)}>
          {kept === null ? "Back to live" : "Back to the whole run"} <Icon name="close" size={14} />
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
    </>
  );
  return (
    <Panel title={spec.title} note={note(folded, spec, index, annotations)} tools={tools}>
      <Legend spec={spec} folded={folded} cursor={index} hidden={hidden} onToggle={toggle} />
      {asTable ? (
        <ChartTable spec={spec} read={read} />
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
    </Panel>
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
  { x, step, merged = false }: Folded,
  { lines, canLog }: Spec,
  index: number | null,
  { marks }: Annotations,
): string {
  const folded = !canLog ? "mean of" : merged ? "of all requests of each" : "worst second of each";
  const resolution = step === 1 ? "1 s" : `${folded} ${step} s`;
  const at = index === null ? undefined : x[index];
  if (at === undefined) return [lines[0]?.unit, resolution].filter((part) => part !== "").join(" · ");
  const happened = marks.filter((mark) => Math.floor(mark.x / step) === Math.floor(at / step));
  const texts = happened.map(({ text }) => text);
  return [lines[0]?.unit, resolution, `at ${format.axisTime(at)}`, ...texts]
    .filter((part) => part !== "")
    .join(" · ");
}

/** The point nearest to a moment. */
function indexAt(x: readonly number[], moment: number | null): number | null {
  if (moment === null || x.length === 0) return null;
  let low = 0;
  let high = x.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] ?? 0) < moment) low = middle + 1;
    else high = middle;
  }
  const before = x[low - 1];
  return before !== undefined && moment - before < (x[low] ?? 0) - moment ? low - 1 : low;
}

/** Where a key moves the crosshair, or null if it is not a key for it. */
function nextIndex(
  { key, shiftKey }: React.KeyboardEvent,
  index: number | null,
  length: number,
): number | null {
  if (length === 0) return null;
  const step = shiftKey ? 10 : 1;
  const from = index ?? length - 1;
  const wanted = { ArrowLeft: from - step, ArrowRight: from + step, Home: 0, End: length - 1 }[key];
  return wanted === undefined ? null : Math.min(length - 1, Math.max(0, wanted));
}
