import { arrivals, startLateness, users } from "@katydid/charts";
import {
  format,
  formatDuration,
  type Run,
  type WireAbout,
  type WireKeptRun,
  type WireLost,
  type WireTaskRatios,
} from "@katydid/core";
import { readTasks } from "../api/client";
import { RunChart } from "../components/ChartPanel";
import { EmptyState } from "../components/EmptyState";
import { SaturationCharts } from "../components/SaturationCharts";
import { useLive, useView } from "../live/hooks";
import { usePolled } from "../live/usePolled";
import { chartGroup } from "./chartGroup";
import styles from "./Load.module.css";
import type { PageProps } from "./Page";

const POLL_MS = 3_000;

/** What load was wanted, what there is, and what was lost of it. */
export function Load({ about }: PageProps) {
  const { kept } = useLive();
  const run = useView((view) => view.run);
  const lost = useView((view) => view.lost);
  // Of a kept run nobody chooses any more.
  const tasks = usePolled(kept === null ? readTasks : noTasks, POLL_MS);
  if (run === null || run.started === null) {
    return (
      <>
        <h1 className={styles.title}>Load</h1>
        <EmptyState title="No test has run yet" action={{ href: "#/new", label: "Start a test" }}>
          Users wanted and running stand here once a test runs.
        </EmptyState>
      </>
    );
  }
  return (
    <>
      <h1 className={styles.title}>Load</h1>
      <RunChart spec={users} group={chartGroup} />
      {run.rate !== null && (
        <div className={styles.columns}>
          <RunChart spec={arrivals} group={chartGroup} />
          <RunChart spec={startLateness} group={chartGroup} />
        </div>
      )}
      {kept === null && (
        <div className={styles.columns}>
          {about !== null && <Classes about={about} run={run} />}
          {tasks !== null && <Tasks tasks={tasks} />}
        </div>
      )}
      <div className={styles.columns}>
        <SaturationCharts />
      </div>
      {lost.length > 0 && <Lost lost={lost} />}
      {kept !== null && <Settings run={kept} />}
    </>
  );
}

const noTasks = () => Promise.resolve(null);

/** How a kept run was set up, as far as it was written down. */
function Settings({ run: { about } }: { run: WireKeptRun }) {
  const listed = (texts: readonly string[] | null | undefined) =>
    texts === null || texts === undefined || texts.length === 0 ? null : texts.join(", ");
  const number = (value: number | null | undefined, write = format.count) =>
    value === null || value === undefined ? null : write(value);
  const facts: readonly (readonly [string, string | null | undefined])[] = [
    ["Script", about.name],
    ["Script's hash (SHA-256)", about.script_sha256?.slice(0, 16)],
    ["Host", about.host],
    ["Users wanted", number(about.users)],
    ["Most users there were", number(about.peak_users)],
    ["Users started per second", number(about.spawn_rate, format.significant)],
    ["Run time", about.run_time ? formatDuration(about.run_time) : null],
    ["User classes", listed(about.user_classes)],
    ["Load shape", about.shape],
    ["Only tasks with tags", listed(about.tags)],
    ["Without tasks with tags", listed(about.exclude_tags)],
    ["Katydid", about.version],
    ["Python", about.python],
    ["Machine", [about.system, about.machine].filter(Boolean).join(", ") || null],
    ["Cores", number(about.cores)],
  ];
  return (
    <div className={styles.columns}>
      <section className={styles.panel} aria-labelledby="settings-title">
        <h2 id="settings-title">Settings</h2>
        <table>
          <tbody>
            {facts.map(([name, value]) =>
              value === null || value === undefined ? null : (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td className={styles.fact}>
                    <bdi>{value}</bdi>
                  </td>
                </tr>
              ),
            )}
          </tbody>
        </table>
      </section>
    </div>
  );
}

/** The user classes: the share each is to have, and the users it has. */
function Classes({ about, run }: { about: WireAbout; run: Run }) {
  const classes = about.user_classes;
  const free = classes.filter(({ fixed_count }) => fixed_count === 0);
  const weights = free.reduce((sum, { weight }) => sum + weight, 0);
  return (
    <section className={styles.panel} aria-labelledby="classes-title">
      <h2 id="classes-title">User classes</h2>
      {about.shape !== null && (
        <p className={styles.hint}>
          The load shape <code>{about.shape}</code> decides how many users run.
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">Class</th>
            <th scope="col">Planned</th>
            <th scope="col">Actual %</th>
            <th scope="col">Users</th>
          </tr>
        </thead>
        <tbody>
          {classes.map(({ name, weight, fixed_count }) => {
            const running = run.usersByClass.get(name) ?? 0;
            const planned =
              fixed_count > 0
                ? `fixed ${fixed_count}`
                : `${format.percent(weight / Math.max(weights, 1e-9))} %`;
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td title={fixed_count > 0 ? undefined : "of the users of classes without a fixed count"}>
                  {planned}
                </td>
                <td>{format.percent(run.users > 0 ? running / run.users : null)}</td>
                <td>{format.count(running)}</td>
              </tr>
            );
          })}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">All</th>
            <td />
            <td />
            <td>
              {format.count(run.users)} of {format.count(run.targetUsers)}
            </td>
          </tr>
        </tfoot>
      </table>
    </section>
  );
}

/** How often each task is chosen, by the weights of the users that run. */
function Tasks({ tasks }: { tasks: WireTaskRatios }) {
  return (
    <section className={styles.panel} aria-labelledby="tasks-title">
      <h2 id="tasks-title">Tasks</h2>
      <p className={styles.hint}>How often a user of each class chooses a task.</p>
      <table>
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col">Chosen %</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(tasks.per_class).map(([name, node]) => (
            <TaskRows key={name} name={name} node={node} depth={0} path={name} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function TaskRows({
  name,
  node,
  depth,
  path,
}: {
  name: string;
  node: WireTaskRatios["per_class"][string];
  depth: number;
  path: string;
}) {
  return (
    <>
      <tr data-depth={Math.min(depth, 4)}>
        <th scope="row">{name}</th>
        <td>{depth === 0 ? "" : format.percent(node.ratio)}</td>
      </tr>
      {Object.entries(node.tasks ?? {}).map(([child, below]) => (
        <TaskRows
          key={`${path} ${child}`}
          name={child}
          node={below}
          depth={depth + 1}
          path={`${path} ${child}`}
        />
      ))}
    </>
  );
}

/** Workers that were given up, and about how much of the load went with them. */
function Lost({ lost }: { lost: readonly WireLost[] }) {
  const { store } = useLive();
  const at = (ms: number) => format.axisTime(ms / 1000 - store.model.origin);
  return (
    <section className={styles.panel} aria-labelledby="lost-title">
      <h2 id="lost-title">Lost load</h2>
      <p className={styles.hint}>
        What these workers did after their last report is in no number of this run.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">From</th>
            <th scope="col">Until</th>
            <th scope="col">Users</th>
            <th scope="col">Requests, about</th>
          </tr>
        </thead>
        <tbody>
          {lost.map(({ worker, users: count, from, until, requests }) => (
            <tr key={`${worker} ${from}`}>
              <th scope="row">{worker}</th>
              <td>{at(from)}</td>
              <td>{at(until)}</td>
              <td>{format.count(count)}</td>
              <td>{format.count(requests)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
