import { arrivals, percentiles, startLateness, throughput } from "@katydid/charts";
import { format, TOTAL_ID } from "@katydid/core";
import { RunChart } from "../components/ChartPanel";
import { CourseCharts } from "../components/CourseCharts";
import { EmptyState } from "../components/EmptyState";
import { FailuresChart } from "../components/FailuresChart";
import { allFigures, scopeLabel, useScope } from "../components/figures";
import { HeatPanel } from "../components/HeatPanel";
import { RangeBar } from "../components/RangeBar";
import { Tile } from "../components/Tile";
import { useLive, useView } from "../live/hooks";
import { useEndpoint } from "../live/useEndpoint";
import { chartGroup } from "./chartGroup";
import { Events } from "./Events";
import styles from "./Overview.module.css";
import type { PageProps } from "./Page";
import { Thresholds } from "./Thresholds";
import { count } from "./words";

const POLL_MS = 3_000;

const KINDS = ["spectrum", "bars", "statuses", "phases", "transfer"] as const;

/** How the run goes: the headline numbers and their course. */
export function Overview({ about }: PageProps) {
  const scope = useScope();
  const { run, total } = scope;
  const { kept } = useLive();
  const all = useEndpoint(TOTAL_ID, POLL_MS);
  // The verdict comes before what led to it.
  const judged = useView((view) => view.thresholds.length > 0);
  if (run.started === null) {
    return (
      <>
        <h1 className="visually-hidden">Overview</h1>
        <EmptyState title="No test has run yet" action={{ href: "#/new", label: "Start a test" }}>
          Numbers and charts appear here, second by second, once users are running.
        </EmptyState>
      </>
    );
  }
  const waiting = scope.active && (total === null || total.requests === 0);
  return (
    <>
      <h1 className="visually-hidden">Overview</h1>
      <RangeBar />
      <section className={styles.tiles} aria-label="Headline numbers">
        {allFigures(scope).map((figure) => (
          <Tile key={figure.id} figure={figure} scope={scopeLabel(scope, figure.id)} />
        ))}
      </section>
      {waiting && (
        <p className={styles.waiting}>Waiting for the first response · {count(run.users, "user")} started</p>
      )}
      {judged && <Thresholds about={about} />}
      <div className={styles.charts}>
        <RunChart spec={throughput} group={chartGroup} />
        <RunChart spec={percentiles} group={chartGroup} />
        {run.rate !== null && <RunChart spec={arrivals} group={chartGroup} />}
        {run.rate !== null && <RunChart spec={startLateness} group={chartGroup} />}
      </div>
      <Totals />
      <div className={styles.pairs}>
        <HeatPanel group={chartGroup} />
        <FailuresChart group={chartGroup} />
        <CourseCharts detail={all} group={chartGroup} kinds={KINDS} />
      </div>
      {!judged && kept === null && <Thresholds about={about} />}
      <Events />
    </>
  );
}

/** What all of it came to so far, in one sentence. */
function Totals() {
  const total = useView((view) => view.total);
  const endpoints = useView((view) => view.rows.length);
  const run = useView((view) => view.run);
  if (total === null || total.requests === 0) return null;
  const { rate = null, iterations = null } = run ?? {};
  const clocks =
    rate === null || iterations === null
      ? "Closed model: users wait for answers, so response times are service times."
      : `Iterations at ${rate.text}: ${count(iterations.due, "was due", "were due")}, ${format.count(
          iterations.started,
        )} have begun, half within ${format.time(iterations.lateness_p50)} and 99 % within ${format.time(
          iterations.lateness_p99,
        )}; ${format.count(iterations.waiting)} wait for a user. Counted from when they were due, 99 % of the answers took at most ${format.time(
          total.response99,
        )}.`;
  return (
    <p className={styles.totals}>
      {count(total.requests, "request")} to {count(endpoints, "endpoint")}, {count(total.failures, "failure")}
      . {clocks}
    </p>
  );
}
