import { Group } from "@katydid/charts";
import { format, type Row, type WireEndpoint } from "@katydid/core";
import { useEffect, useRef, useState } from "react";
import { CourseCharts } from "../components/CourseCharts";
import { Icon } from "../components/Icon";
import { useEndpoint } from "../live/useEndpoint";
import styles from "./EndpointDetail.module.css";
import { count } from "./words";

const POLL_MS = 2_000;

/** The percentiles that are listed besides those of the table; the server gives more. */
const PARTS = [0.75, 0.9, 0.999, 0.9999];

const KINDS = ["rate", "times", "spectrum", "bars", "statuses", "phases", "transfer"] as const;

/** The clocks besides that of the service time. */
const DUE = [
  ["response50", "50 %"],
  ["response95", "95 %"],
  ["response99", "99 %"],
  ["lateness99", "late, 99 %"],
] as const;

const WITHOUT_TIME = ["spectrum", "bars"] as const;

/** What one endpoint answered, where its time went, and how its times spread. */
export function EndpointDetail({
  row,
  previous,
  next,
  onMove,
  onClose,
}: {
  row: Row;
  /** The ids of the rows before and after it; null at the ends. */
  previous: number | null;
  next: number | null;
  onMove: (id: number | null) => void;
  onClose: () => void;
}) {
  const [group] = useState(() => new Group());
  const dialog = useRef<HTMLDialogElement>(null);
  const { id, method, name } = row;
  const detail = useEndpoint(id, POLL_MS);
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      onClose={onClose}
      onKeyDown={(event) => {
        if (event.key === "[") onMove(previous);
        if (event.key === "]") onMove(next);
      }}
      aria-labelledby="endpoint-title"
    >
      <div className={styles.head}>
        <h2 id="endpoint-title">
          {method} <bdi>{name}</bdi>
        </h2>
        <button
          type="button"
          disabled={previous === null}
          onClick={() => onMove(previous)}
          title="Previous ([)"
        >
          <Icon name="back" />
          <span className="visually-hidden">Previous endpoint</span>
        </button>
        <button type="button" disabled={next === null} onClick={() => onMove(next)} title="Next (])">
          <Icon name="forward" />
          <span className="visually-hidden">Next endpoint</span>
        </button>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </div>
      {detail !== null && <Detail detail={detail} row={row} />}
      {detail !== null && detail.series === null && (
        <p className={styles.totals}>
          The course over time is kept of the first 300 names only, and this one came later.
        </p>
      )}
      <div className={styles.charts}>
        <CourseCharts detail={detail} group={group} kinds={detail?.series === null ? WITHOUT_TIME : KINDS} />
      </div>
    </dialog>
  );
}

function Detail({ detail, row }: { detail: WireEndpoint; row: Row }) {
  const { requests, failures, bytes_in, bytes_out, statuses, phases, percentiles } = detail;
  const listed = PARTS.flatMap((part) => {
    // A part that so few requests do not tell apart would only repeat the slowest of them.
    const found = requests * (1 - part) >= 1 ? percentiles.find(([least]) => least >= part) : undefined;
    return found === undefined ? [] : [{ part: found[0], ms: found[1] }];
  });
  const table = [
    { part: 0.5, ms: row.p50 },
    { part: 0.95, ms: row.p95 },
    { part: 0.99, ms: row.p99 },
  ];
  const parts = [...table, ...listed].sort((a, b) => a.part - b.part);
  return (
    <>
      <p className={styles.totals}>
        {count(requests, "request")}, {count(failures, "failure")} · {format.bytes(bytes_in)} in,{" "}
        {format.bytes(bytes_out)} out
      </p>
      <div className={styles.parts}>
        <table>
          <caption>Status codes</caption>
          <tbody>
            {statuses.map(([code, times]) => (
              <tr key={code}>
                <th scope="row">{code === 0 ? "no response" : code}</th>
                <td>{format.count(times)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <table>
          <caption>Time by phase, mean</caption>
          <tbody>
            {phases
              .filter((phase) => phase.count > 0)
              .map((phase) => (
                <tr key={phase.name}>
                  <th scope="row">{phase.name}</th>
                  <td>{format.time(phase.sum_ms / phase.count)}</td>
                </tr>
              ))}
          </tbody>
        </table>
        {row.response99 !== null && (
          <table>
            <caption title="From when requests were due: their own time, and how late the generator was">
              Counted from due
            </caption>
            <tbody>
              {DUE.map(([key, label]) => (
                <tr key={key}>
                  <th scope="row">{label}</th>
                  <td>{format.time(row[key])}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <table>
          <caption>Percentiles</caption>
          <tbody>
            {parts.map(({ part, ms }) => (
              <tr key={part}>
                <th scope="row">{Number((part * 100).toFixed(2))} %</th>
                <td>{format.time(ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
