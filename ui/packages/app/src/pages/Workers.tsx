import { format, type WireWorker } from "@katydid/core";
import { readWorkers } from "../api/client";
import { type Column, DataTable } from "../components/DataTable";
import { usePolled } from "../live/usePolled";
import styles from "./Errors.module.css";

const POLL_MS = 2_000;

/** Who runs the users, and how they bear it. */
export function Workers() {
  const answer = usePolled(readWorkers, POLL_MS);
  return (
    <>
      <h1 className={styles.title}>Workers</h1>
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
    </>
  );
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
