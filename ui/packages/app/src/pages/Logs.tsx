import { format, type WireLogLine } from "@katydid/core";
import { useMemo } from "react";
import { readLogs } from "../api/client";
import { type Column, DataTable } from "../components/DataTable";
import { EmptyState } from "../components/EmptyState";
import { usePolled } from "../live/usePolled";
import styles from "./Errors.module.css";

const POLL_MS = 1_000;

/** What this process and the workers have logged, the newest first. */
export function Logs() {
  const read = useMemo(reader, []);
  const log = usePolled(read, POLL_MS);
  return (
    <>
      <h1 className={styles.title}>Logs</h1>
      {log === null ? null : log.lines.length === 0 ? (
        <EmptyState title="Nothing was logged">Lines appear here as they are logged.</EmptyState>
      ) : (
        <DataTable
          name="Logs"
          noun="line"
          columns={COLUMNS}
          rows={log.lines}
          rowKey={({ seq }) => String(seq)}
          rowText={({ level, source, logger, text }) => `${level} ${source} ${logger} ${text}`}
          initial={{ key: "time", direction: "descending" }}
        />
      )}
    </>
  );
}

/** As many lines as the server itself keeps. */
const KEPT = 5_000;

/** Asks for what is new and keeps what was read. */
function reader(): () => Promise<{ lines: readonly WireLogLine[] }> {
  let lines: readonly WireLogLine[] = [];
  let next: number | null = null;
  return async () => {
    const answer = await readLogs(next);
    // A server that counts from the beginning again is another one.
    const known = next !== null && answer.next < next ? [] : lines;
    lines = [...known, ...answer.lines].slice(-KEPT);
    next = answer.next;
    return { lines };
  };
}

const COLUMNS: readonly Column<WireLogLine>[] = [
  {
    key: "time",
    label: "Time",
    numeric: true,
    narrow: true,
    value: ({ seq }) => seq,
    cell: ({ t }) => <time dateTime={new Date(t).toISOString()}>{format.timeOfDay(t)}</time>,
  },
  column("level", "Level", ({ level }) => level, true),
  column("source", "Source", ({ source }) => source || "this process"),
  column("logger", "Logger", ({ logger }) => logger),
  {
    key: "text",
    label: "Message",
    numeric: false,
    wide: true,
    value: ({ text }) => text,
    cell: ({ text }) => (
      <span className={styles.error}>
        <bdi>{text}</bdi>
      </span>
    ),
  },
];

function column(
  key: string,
  label: string,
  value: (line: WireLogLine) => string,
  narrow = false,
): Column<WireLogLine> {
  return { key, label, numeric: false, narrow, value, cell: value };
}
