import { lines, MOST_LINES, type Spec, shares } from "@katydid/charts";
import { crewOf, format, type Measure, type WireWorker } from "@katydid/core";
import { useMemo } from "react";
import { type Column, DataTable } from "../components/DataTable";
import { EmptyState } from "../components/EmptyState";
import { LabelledChart } from "../components/LabelledChart";
import { useLive } from "../live/hooks";
import { usePolled } from "../live/usePolled";
import { chartGroup } from "./chartGroup";
import styles from "./Workers.module.css";

const POLL_MS = 2_000;

/** Who runs the users, and how they bear it. */
export function Workers() {
  const { source, kept } = useLive();
  const answer = usePolled(source.workers, POLL_MS);
  if (kept !== null && answer !== null && answer.workers.length === 0) {
    return (
      <>
        <h1 className={styles.title}>Workers</h1>
        <EmptyState title="Nothing about workers is kept of this run">
          Its users ran in one process, or it was kept by an older Katydid.
        </EmptyState>
      </>
    );
  }
  return (
    <>
      <h1 className={styles.title}>Workers</h1>
      {kept !== null && <p>Users, processor time and memory are the most there were; RPS is the mean.</p>}
      {answer !== null && (
        <DataTable
          name="Workers"
          noun="worker"
          columns={COLUMNS}
          rows={answer.workers}
          rowKey={({ id }) => id}
          rowText={({ id, host, state }) => `${id} ${host} ${state}`}
          initial={{ key: "id", direction: "ascending" }}
        />
      )}
      <div className={styles.charts}>
        <Course />
      </div>
    </>
  );
}

const CHARTS: readonly { measure: Measure; specOf: (labels: readonly string[]) => Spec; sums?: boolean }[] = [
  { measure: "cpu", specOf: (labels) => lines("Processor time", "% of a core", labels) },
  { measure: "lateness", specOf: (labels) => lines("Lateness, p99", "ms", labels, format.millis) },
  { measure: "rps", specOf: (labels) => shares("Requests by worker", "req/s", labels), sums: true },
  { measure: "users", specOf: (labels) => shares("Users by worker", "users", labels), sums: true },
  { measure: "memory", specOf: (labels) => lines("Memory", "", labels, format.bytes) },
];

/** How they fared over the time of the run. */
function Course() {
  const { store, source } = useLive();
  const crew = usePolled(source.crew, POLL_MS);
  const charts = useMemo(
    () =>
      crew === null || crew.points.length === 0
        ? []
        : CHARTS.map((chart) => ({
            ...chart,
            data: crewOf(crew, chart.measure, store.model.origin, MOST_LINES, chart.sums),
          })),
    [crew, store],
  );
  return charts.map(({ measure, specOf, data }) => (
    <LabelledChart key={measure} data={data} specOf={specOf} group={chartGroup} />
  ));
}

const COLUMNS: readonly Column<WireWorker>[] = [
  text("id", "Worker", ({ id }) => id, { wide: true }),
  text("host", "Host", ({ host }) => host),
  text("state", "State", ({ state }) => state, { narrow: true }),
  number("users", "Users", ({ users }) => users, format.count, { narrow: true }),
  number("rps", "RPS", ({ rps }) => rps, format.rate, { narrow: true }),
  number("cpu", "CPU", ({ cpu_percent }) => cpu_percent, format.rate, {
    unit: "%",
    title: "Of one core",
    narrow: true,
  }),
  number("memory", "Memory", ({ memory_bytes }) => memory_bytes, format.bytes),
  number("flight", "In flight", ({ in_flight }) => in_flight, format.count),
  number("age", "Heard", ({ heartbeat_age }) => heartbeat_age, format.significant, {
    unit: "s ago",
    title: "Since its last heartbeat",
  }),
  text("version", "Version", ({ version }) => version ?? format.NO_DATA),
  text("precision", "Precision", ({ precision }) => precision),
];

function text(
  key: string,
  label: string,
  value: (row: WireWorker) => string,
  more: Partial<Column<WireWorker>> = {},
): Column<WireWorker> {
  return { key, label, numeric: false, value, cell: value, ...more };
}

function number(
  key: string,
  label: string,
  value: (row: WireWorker) => number | null,
  write: (value: number | null) => string,
  more: Partial<Column<WireWorker>> = {},
): Column<WireWorker> {
  return { key, label, numeric: true, value, cell: (row) => write(value(row)), ...more };
}
