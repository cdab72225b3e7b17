import { format, type WireException, type WireFault } from "@katydid/core";
import { useMemo } from "react";
import { type Column, DataTable } from "../components/DataTable";
import { EmptyState } from "../components/EmptyState";
import { FailuresChart } from "../components/FailuresChart";
import { Moment } from "../components/Moment";
import { Name } from "../components/Name";
import { RangeBar } from "../components/RangeBar";
import { useLive, useNow, useView } from "../live/hooks";
import { type Range, useRange } from "../live/range";
import { usePolled } from "../live/usePolled";
import { runPath, useQuery, useRoute } from "../route";
import { chartGroup } from "./chartGroup";
import styles from "./Errors.module.css";
import { FaultDetail } from "./FaultDetail";
import { Pattern } from "./Pattern";
import { count } from "./words";

const POLL_MS = 2_000;

/** Every kind of failure: what, where, how often, since when; and what scripts did not catch. */
export function Errors() {
  const { store, source, kept } = useLive();
  const origin = kept === null ? null : store.model.origin;
  const answer = usePolled(source.faults, POLL_MS);
  const exceptions = usePolled(source.exceptions, POLL_MS);
  const requests = useView((view) => view.total?.requests ?? 0);
  const { query, run } = useRoute();
  useNow(1_000);
  const now = store.serverNow();
  const range = useRange();
  const faults = useMemo(() => inRange(answer?.errors ?? [], range), [answer, range]);
  const others = range?.counted ? 0 : (answer?.others ?? 0);
  const all = faults.reduce((sum, fault) => sum + fault.count, others);
  const columns = useMemo(() => columnsOf(all, now, query, run, origin), [all, now, query, run, origin]);
  const [open, setOpen] = useQuery("fault", "");
  const chosen = faults.find(({ id }) => String(id) === open);
  return (
    <>
      <h1 className={styles.title}>Errors</h1>
      <RangeBar />
      {answer === null ? null : faults.length === 0 ? (
        <EmptyState title={requests > 0 ? `No failures in ${count(requests, "request")}` : "No requests yet"}>
          {requests > 0
            ? "Every response so far was a success."
            : "Failures are listed here, those together that tell the same."}
        </EmptyState>
      ) : (
        <DataTable
          name="Errors"
          noun="error"
          columns={columns}
          rows={faults}
          rowKey={({ id }) => String(id)}
          rowText={({ method, name, kind, pattern }) => `${method} ${name} ${kind} ${pattern}`}
          initial={{ key: "count", direction: "descending" }}
        />
      )}
      {faults.length > 0 && (
        <div className={styles.course}>
          <FailuresChart group={chartGroup} />
        </div>
      )}
      {others > 0 && (
        <p className={styles.others}>
          {count(others, "failure")} of rarer kinds are counted together and not listed.
        </p>
      )}
      {exceptions !== null && exceptions.length > 0 && <Exceptions exceptions={exceptions} />}
      {chosen !== undefined && <FaultDetail key={open} fault={chosen} onClose={() => setOpen("")} />}
    </>
  );
}

/** The failures of the chosen stretch, with how many there were in it. */
function inRange(faults: WireFault[], range: Range | null): WireFault[] {
  if (!range?.counted) return faults;
  const keyOf = (fault: { method: string; name: string; pattern: string }) =>
    JSON.stringify([fault.method, fault.name, fault.pattern]);
  const counts = new Map(range.counted.faults.map((fault) => [keyOf(fault), fault.count]));
  return faults.flatMap((fault) => {
    const times = counts.get(keyOf(fault));
    return times === undefined ? [] : [{ ...fault, count: times }];
  });
}

function columnsOf(
  all: number,
  now: number,
  query: URLSearchParams,
  run: string | null,
  /** The second that charts call 0, if that is what times are told from; else they are told from now. */
  origin: number | null,
): Column<WireFault>[] {
  const moment = (at: number) =>
    origin === null ? (
      <Moment at={at} now={now} />
    ) : (
      <time dateTime={new Date(at).toISOString()} title={format.timeOfDay(at)}>
        {format.axisTime(Math.max(0, at / 1000 - origin))}
      </time>
    );
  return [
    {
      key: "count",
      label: "Count",
      numeric: true,
      narrow: true,
      value: (fault) => fault.count,
      cell: (fault) => format.count(fault.count),
    },
    {
      key: "share",
      label: "Share",
      unit: "%",
      title: "Share of all failures",
      numeric: true,
      narrow: true,
      value: (fault) => fault.count,
      cell: (fault) => format.percent(all > 0 ? fault.count / all : null),
    },
    {
      key: "kind",
      label: "Type",
      numeric: false,
      value: ({ kind }) => kind,
      cell: ({ kind }) => <span className={styles.kind}>{kind}</span>,
    },
    {
      key: "error",
      label: "Error",
      numeric: false,
      wide: true,
      value: ({ pattern }) => pattern,
      cell: ({ id, method, name, pattern, variants }) => (
        <span className={styles.error}>
          <a className={styles.open} href={linkTo(id, query, run)}>
            <Pattern text={pattern} />
          </a>
          {variants > 1 && <span className={styles.variants}> {format.count(variants)} variants</span>}
          <span className={styles.where}>
            <Name name={name} method={method} />
          </span>
        </span>
      ),
    },
    {
      key: "name",
      label: "Endpoint",
      numeric: false,
      value: ({ method, name }) => `${name} ${method}`,
      cell: ({ method, name }) => (
        <span className={styles.name}>
          <span className={styles.method}>{method} </span>
          <Name name={name} method={method} />
        </span>
      ),
    },
    {
      key: "first",
      label: "First seen",
      numeric: true,
      value: (fault) => fault.first_seen,
      cell: (fault) => moment(fault.first_seen),
    },
    {
      key: "last",
      label: "Last seen",
      numeric: true,
      narrow: true,
      value: (fault) => fault.last_seen,
      cell: (fault) => moment(fault.last_seen),
    },
  ];
}

/** The address of one kind of failure, with the filter and the order as they are. */
function linkTo(id: number, query: URLSearchParams, run: string | null): string {
  const changed = new URLSearchParams(query);
  changed.set("fault", String(id));
  return `#${runPath(run, "errors")}?${changed}`;
}

/** Exceptions that scripts did not catch, with where they were raised. */
function Exceptions({ exceptions }: { exceptions: readonly WireException[] }) {
  return (
    <section className={styles.exceptions} aria-labelledby="exceptions-title">
      <h2 id="exceptions-title">Exceptions in scripts</h2>
      <p className={styles.hint}>What a script did not catch; the task ended there and its user went on.</p>
      {exceptions.map(({ count: times, msg, traceback, nodes }) => (
        <details key={`${msg} ${traceback}`}>
          <summary>
            <span className={styles.times}>{format.count(times)} ×</span> <bdi>{msg || "(no message)"}</bdi>
            <span className={styles.variants}> {nodes}</span>
          </summary>
          <pre>{traceback}</pre>
        </details>
      ))}
    </section>
  );
}
