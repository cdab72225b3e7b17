import { format, type WireLogLine } from "@katydid/core";
import { useMemo } from "react";
import { type Column, DataTable } from "../components/DataTable";
import { EmptyState } from "../components/EmptyState";
import { useLive } from "../live/hooks";
import type { Source } from "../live/source";
import { usePolled } from "../live/usePolled";
import { useQuery } from "../route";
import styles from "./Errors.module.css";

const POLL_MS = 1_000;

/** From the least to the gravest. */
const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

/** What this process and the workers have logged, the newest first. */
export function Logs() {
  const { source: run, kept } = useLive();
  const read = useMemo(() => reader(run), [run]);
  const log = usePolled(read, POLL_MS);
  const [level, setLevel] = useQuery("level", "DEBUG");
  const [source, setSource] = useQuery("source", "");
  const lines = log?.lines ?? [];
  const sources = [...new Set(lines.map((line) => line.source))];
  const least = LEVELS.indexOf(level);
  const shown = useMemo(
    () =>
      collapsed(
        (log?.lines ?? []).filter(
          (line) =>
            (LEVELS.indexOf(line.level) >= least || !LEVELS.includes(line.level)) &&
            (source === "" || source === nameOf(line.source)),
        ),
      ),
    [log, least, source],
  );
  return (
    <>
      <h1 className={styles.title}>Logs</h1>
      {log === null ? null : lines.length === 0 ? (
        <EmptyState title={kept === null ? "Nothing was logged" : "No log is kept of this run"}>
          {kept === null
            ? "Lines appear here as they are logged."
            : "Nothing was logged in it, or it was kept by an older Katydid."}
        </EmptyState>
      ) : (
        <>
          <div className={styles.choices}>
            <label>
              Level{" "}
              <select value={level} onChange={({ target }) => setLevel(target.value)}>
                {LEVELS.map((each) => (
                  <option key={each} value={each}>
                    {each === "DEBUG" ? "All" : `${each} and above`}
                  </option>
                ))}
              </select>
            </label>
            {sources.length > 1 && (
              <label>
                From{" "}
                <select value={source} onChange={({ target }) => setSource(target.value)}>
                  <option value="">all</option>
                  {sources.map((each) => (
                    <option key={each} value={nameOf(each)}>
                      {nameOf(each)}
                    </option>
                  ))}
                </select>
              </label>
            )}
          </div>
          {shown.length === 0 ? (
            <EmptyState title="No such lines">
              {format.count(lines.length)} lines are of another level or from elsewhere.
            </EmptyState>
          ) : (
            <DataTable
              name="Logs"
              noun="line"
              columns={COLUMNS}
              rows={shown}
              rowKey={({ seq }) => String(seq)}
              rowText={({ level: word, source: from, logger, text }) => `${word} ${from} ${logger} ${text}`}
              placeholder="Filter: text, /pattern/"
              initial={{ key: "time", direction: "descending" }}
            />
          )}
        </>
      )}
    </>
  );
}

/** A line, and how often it came one after another. */
interface Line extends WireLogLine {
  times: number;
}

/** Lines that repeat the one before are one with their number. */
function collapsed(lines: readonly WireLogLine[]): Line[] {
  const found: Line[] = [];
  for (const line of lines) {
    const last = found.at(-1);
    const repeats = last?.text === line.text && last.level === line.level && last.source === line.source;
    if (last !== undefined && repeats) {
      last.times += 1;
      last.t = line.t;
    } else {
      found.push({ ...line, times: 1 });
    }
  }
  return found;
}

function nameOf(source: string): string {
  return source || "this process";
}

/** As many lines as the server itself keeps. */
const KEPT = 5_000;

/** Asks for what is new and keeps what was read. */
function reader(source: Source): () => Promise<{ lines: readonly WireLogLine[] }> {
  let lines: readonly WireLogLine[] = [];
  let next: number | null = null;
  return async () => {
    const answer = await source.logs(next);
    // A server that counts from the beginning again is another one; a kept run's lines come all at once.
    const anew = source.run !== null || (next !== null && answer.next < next);
    const known = anew ? [] : lines;
    lines = [...known, ...answer.lines].slice(-KEPT);
    next = answer.next;
    return { lines };
  };
}

const COLUMNS: readonly Column<Line>[] = [
  {
    key: "time",
    label: "Time",
    numeric: true,
    narrow: true,
    value: ({ seq }) => seq,
    cell: ({ t }) => <time dateTime={new Date(t).toISOString()}>{format.timeOfDay(t)}</time>,
  },
  column("level", "Level", ({ level }) => level, true),
  column("source", "Source", ({ source }) => nameOf(source)),
  column("logger", "Logger", ({ logger }) => logger),
  {
    key: "text",
    label: "Message",
    numeric: false,
    wide: true,
    value: ({ text }) => text,
    cell: ({ text, times }) => (
      <span className={styles.error}>
        <bdi>{text}</bdi>
        {times > 1 && <span className={styles.variants}> ×{format.count(times)}</span>}
      </span>
    ),
  },
];

function column(key: string, label: string, value: (line: Line) => string, narrow = false): Column<Line> {
  return { key, label, numeric: false, narrow, value, cell: value };
}
