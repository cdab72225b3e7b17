import { sparkline } from "@katydid/charts";
import type { Column } from "@katydid/core";
import { useMemo } from "react";
import { useLive, useView } from "../live/hooks";
import type { Figure } from "./figures";
import styles from "./Tile.module.css";

/** Seconds a sparkline spans. */
const SPAN = 60;

const WIDTH = 120;
const HEIGHT = 28;

const COLUMNS: Readonly<Record<Figure["id"], Column | "rate" | "ratio">> = {
  rps: "rate",
  failures: "ratio",
  p50: "p50",
  p95: "p95",
  p99: "p99",
  users: "users",
  late: "late",
  dropped: "dropped",
};

/** One headline number with the course of its last minute. */
export function Tile({ figure: { id, label, parts, of, tone }, scope }: { figure: Figure; scope: string }) {
  return (
    <div className={styles.tile} data-tone={tone} data-kpi={id}>
      <p className={styles.label}>
        {label} {scope !== "" && <span className={styles.scope}>{scope}</span>}
      </p>
      <p className={styles.value}>
        {parts.text}
        {of !== undefined && <span className={styles.of}>/{of}</span>}
        {parts.unit !== "" && <span className={styles.unit}> {parts.unit}</span>}
      </p>
      <Spark id={id} />
    </div>
  );
}

function Spark({ id }: { id: Figure["id"] }) {
  const { store } = useLive();
  const version = useView((view) => view.seriesVersion);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the series changes in place, its version tells when
  const path = useMemo(() => {
    const { series } = store.model;
    const column = COLUMNS[id];
    if (column !== "rate" && column !== "ratio") return sparkline(series.tail(column, SPAN), WIDTH, HEIGHT);
    const failed = series.tail("failed", SPAN);
    const all = series.tail("ok", SPAN).map((ok, index) => ok + (failed[index] ?? 0));
    const values = column === "rate" ? all : failed.map((each, index) => ratio(each, all[index] ?? 0));
    return sparkline(values, WIDTH, HEIGHT);
  }, [id, store, version]);
  return (
    <svg
      className={styles.spark}
      data-line={id}
      viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      focusable="false"
    >
      <path d={path} />
    </svg>
  );
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : Number.NaN;
}
