import { type Facts, failRatio, format, type Row } from "@katydid/core";
import { useMemo } from "react";
import { type Column, DataTable } from "../components/DataTable";
import { EmptyState } from "../components/EmptyState";
import { Name } from "../components/Name";
import { RangeBar } from "../components/RangeBar";
import { useView } from "../live/hooks";
import { useRange } from "../live/range";
import { runPath, useQuery, useRoute } from "../route";
import { EndpointDetail } from "./EndpointDetail";
import styles from "./Endpoints.module.css";

/** Every endpoint with its counts and times. The default order is by time taken: what hurts most. */
export function Endpoints() {
  const range = useRange();
  const allRows = useView((view) => view.rows);
  const allTotal = useView((view) => view.total);
  const rows = range?.counted?.rows ?? allRows;
  const total = range?.counted?.total ?? allTotal;
  const wholeTime = total === null ? 0 : total.requests * (total.avg ?? 0);
  const { query, run } = useRoute();
  const columns = useMemo(() => columnsOf(wholeTime, query, run), [wholeTime, query, run]);
  const [open, setOpen] = useQuery("endpoint", "");
  const place = rows.findIndex(({ id }) => String(id) === open);
  const chosen = rows[place];
  return (
    <>
      <h1 className={styles.title}>Endpoints</h1>
      <RangeBar />
      {rows.length === 0 ? (
        <EmptyState title="No requests yet">
          Each method and name gets a row as soon as its first response is in.
        </EmptyState>
      ) : (
        <DataTable
          name="Endpoints"
          noun="endpoint"
          columns={columns}
          choosable
          rows={rows}
          total={total}
          rowKey={({ id }) => String(id)}
          rowText={({ method, name }) => `${method} ${name}`}
          rowFacts={factsOf}
          placeholder="Filter: text, /pattern/, p95>300, fail>1%"
          initial={{ key: "share", direction: "descending" }}
        />
      )}
      {chosen !== undefined && (
        <EndpointDetail
          row={chosen}
          previous={rows[place - 1]?.id ?? null}
          next={rows[place + 1]?.id ?? null}
          onMove={(id) => id !== null && setOpen(String(id))}
          onClose={() => setOpen("")}
        />
      )}
    </>
  );
}

/** Failing at or above this share of requests is shown in red. */
const BAD_RATIO = 0.01;

/** What the filter can compare. */
function factsOf({ requests, failures, rps, p50, p95, p99, avg, min, max, avgSize }: Row): Facts {
  const ratio = failRatio(requests, failures);
  const fail = ratio === null ? null : ratio * 100;
  return { requests, fails: failures, fail, rps, p50, p95, p99, avg, min, max, size: avgSize };
}

function columnsOf(wholeTime: number, query: URLSearchParams, run: string | null): Column<Row>[] {
  const numeric = true;
  const share = (row: Row) => (wholeTime > 0 ? (row.requests * (row.avg ?? 0)) / wholeTime : null);
  const ratio = ({ requests, failures }: Row) => failRatio(requests, failures);
  return [
    {
      key: "method",
      label: "Method",
      numeric: false,
      value: ({ method }) => method,
      cell: ({ method }) => <span className={styles.method}>{method}</span>,
    },
    {
      key: "name",
      label: "Name",
      numeric: false,
      wide: true,
      value: ({ name }) => name,
      cell: ({ id, name, method }) =>
        id === -1 ? (
          "Total"
        ) : (
          <a className={styles.open} href={linkTo(id, query, run)}>
            <Name name={name} method={method} />
          </a>
        ),
    },
    {
      key: "share",
      label: "Time",
      unit: "%",
      title: "Share of all response time: requests × average",
      numeric,
      value: share,
      cell: (row) => <Share ratio={share(row)} />,
    },
    {
      key: "requests",
      label: "Requests",
      numeric,
      narrow: true,
      value: ({ requests }) => requests,
      cell: ({ requests }) => format.count(requests),
    },
    {
      key: "rps",
      label: "RPS",
      title: "Requests per second, mean of the last 10 s",
      numeric,
      narrow: true,
      value: ({ rps }) => rps,
      cell: ({ rps }) => format.rate(rps),
    },
    {
      key: "failures",
      label: "Fails",
      numeric,
      value: ({ failures }) => failures,
      cell: ({ failures }) => format.count(failures),
    },
    {
      key: "ratio",
      label: "Fail",
      unit: "%",
      numeric,
      narrow: true,
      value: ratio,
      cell: (row) => {
        const value = ratio(row);
        const bad = value !== null && value >= BAD_RATIO;
        return (
          <span
            data-bad={bad || undefined}
            className={styles.ratio}
          >{`${bad ? "! " : ""}${format.percent(value)}`}</span>
        );
      },
    },
    ...TIMES.map(
      ([key, label, title]): Column<Row> => ({
        key,
        label,
        unit: "ms",
        title,
        numeric,
        narrow: key === "p95",
        optional: key === "min",
        value: (row) => row[key],
        cell: (row) => format.millis(row[key]),
      }),
    ),
    ...DUE.map(
      ([key, label, title]): Column<Row> => ({
        key,
        label,
        unit: "ms",
        title,
        numeric,
        optional: true,
        value: (row) => row[key],
        cell: (row) => format.millis(row[key]),
      }),
    ),
    {
      key: "size",
      label: "Size",
      title: "Average size of a response",
      numeric,
      value: ({ avgSize }) => avgSize,
      cell: ({ avgSize }) => format.bytes(avgSize),
    },
  ];
}

/** The address of one endpoint, with the filter and the order as they are. */
function linkTo(id: number, query: URLSearchParams, run: string | null): string {
  const changed = new URLSearchParams(query);
  changed.set("endpoint", String(id));
  return `#${runPath(run, "endpoints")}?${changed}`;
}

const TIMES = [
  ["p50", "p50", "Half of all requests were at least this fast"],
  ["p95", "p95", "95 of 100 requests were at least this fast"],
  ["p99", "p99", "99 of 100 requests were at least this fast"],
  ["avg", "Avg", "Mean of all response times"],
  ["min", "Min", "The fastest request"],
  ["max", "Max", "The slowest request"],
] as const;

/** The other clocks: from when a request was due, and the generator's part of that. */
const DUE = [
  ["response95", "Due p95", "From when they were due, 95 of 100 requests took at most this long"],
  ["response99", "Due p99", "From when they were due, 99 of 100 requests took at most this long"],
  ["lateness99", "Late p99", "The generator's own delay that 99 of 100 requests stayed within"],
] as const;

/** A share in figures, with a bar behind it. */
function Share({ ratio }: { ratio: number | null }) {
  return (
    <span className={styles.share}>
      <span
        className={styles.bar}
        aria-hidden="true"
        style={{ inlineSize: `${Math.round((ratio ?? 0) * 22)}px` }}
      />
      {format.percent(ratio)}
    </span>
  );
}
