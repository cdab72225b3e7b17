import { type Failure, format } from "@katydid/core";
import { useMemo } from "react";
import { type Column, DataTable } from "../components/DataTable";
import { EmptyState } from "../components/EmptyState";
import { Name } from "../components/Name";
import { useLive, useNow, useView } from "../live/hooks";
import styles from "./Errors.module.css";
import { count } from "./words";

/** Every kind of failure: where, what, how often, since when. */
export function Errors() {
  const { store } = useLive();
  const failures = useView((view) => view.failures);
  const requests = useView((view) => view.total?.requests ?? 0);
  useNow(1_000);
  const now = store.serverNow();
  const all = failures.reduce((sum, { occurrences }) => sum + occurrences, 0);
  const columns = useMemo(() => columnsOf(all, now), [all, now]);
  return (
    <>
      <h1 className={styles.title}>Errors</h1>
      {failures.length === 0 ? (
        <EmptyState title={requests > 0 ? `No failures in ${count(requests, "request")}` : "No requests yet"}>
          {requests > 0
            ? "Every response so far was a success."
            : "Failures are listed here, grouped by their text."}
        </EmptyState>
      ) : (
        <DataTable
          name="Errors"
          noun="error"
          columns={columns}
          rows={failures}
          rowKey={({ method, name, error }) => JSON.stringify([method, name, error])}
          rowText={({ method, name, error }) => `${method} ${name} ${error}`}
          initial={{ key: "occurrences", direction: "descending" }}
        />
      )}
    </>
  );
}

function columnsOf(all: number, now: number): Column<Failure>[] {
  return [
    {
      key: "occurrences",
      label: "Count",
      numeric: true,
      narrow: true,
      value: ({ occurrences }) => occurrences,
      cell: ({ occurrences }) => format.count(occurrences),
    },
    {
      key: "share",
      label: "Share",
      unit: "%",
      title: "Share of all failures",
      numeric: true,
      narrow: true,
      value: ({ occurrences }) => occurrences,
      cell: ({ occurrences }) => format.percent(all > 0 ? occurrences / all : null),
    },
    {
      key: "error",
      label: "Error",
      numeric: false,
      wide: true,
      value: ({ error }) => error,
      cell: ({ method, name, error }) => (
        <span className={styles.error}>
          <bdi>{error}</bdi>
          <span className={styles.where}>
            <Name name={name} method={method} />
          </span>
        </span>
      ),
    },
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
      value: ({ name }) => name,
      cell: ({ method, name }) => (
        <span className={styles.name}>
          <Name name={name} method={method} />
        </span>
      ),
    },
    {
      key: "first",
      label: "First seen",
      numeric: true,
      value: ({ firstSeen }) => firstSeen,
      cell: ({ firstSeen }) => <Moment at={firstSeen} now={now} />,
    },
    {
      key: "last",
      label: "Last seen",
      numeric: true,
      narrow: true,
      value: ({ lastSeen }) => lastSeen,
      cell: ({ lastSeen }) => <Moment at={lastSeen} now={now} />,
    },
  ];
}

/** When something was, by the clock, and how long ago that is. */
function Moment({ at, now }: { at: number; now: number }) {
  return (
    <time className={styles.moment} dateTime={new Date(at).toISOString()} title={format.timeOfDay(at)}>
      {format.ago(now - at)}
    </time>
  );
}
