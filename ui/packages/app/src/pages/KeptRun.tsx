import { format, formatDuration, type WireKeptRun } from "@katydid/core";
import type { ComponentType, ReactNode } from "react";
import { EmptyState } from "../components/EmptyState";
import { Icon } from "../components/Icon";
import { LiveContext, useLive, useView } from "../live/hooks";
import { useKept } from "../live/kept";
import { RangeContext, useReadRange } from "../live/range";
import styles from "./KeptRun.module.css";
import type { PageProps } from "./Page";
import { count } from "./words";

/** A page of a run that is kept: the same page, with that run's numbers and nothing that changes a run. */
export default function KeptRun({
  id,
  about,
  Page,
}: PageProps & { id: string; Page: ComponentType<PageProps> }) {
  const { live, problem } = useKept(id);
  if (problem !== null) {
    return (
      <EmptyState title="This run cannot be shown" action={{ href: "#/runs", label: "All kept runs" }}>
        {problem}
      </EmptyState>
    );
  }
  if (live === null) return null;
  return (
    <LiveContext value={live}>
      <Which run={live.kept} />
      <Troubles />
      <Ranged>
        <Page about={about} />
      </Ranged>
    </LiveContext>
  );
}

/** Once the run is there, so that it is not asked for a stretch of nothing. */
function Ranged({ children }: { children: ReactNode }) {
  const run = useView((view) => view.run);
  return <RangeContext value={useReadRange(run !== null)}>{run === null ? null : children}</RangeContext>;
}

/** What was wrong with the generator, before anybody trusts the numbers. */
function Troubles() {
  const { store } = useLive();
  const health = useView((view) => view.health);
  const at = (ms: number) => format.axisTime(Math.max(0, ms / 1000 - store.model.origin));
  return health.map(({ code, level, text, since, until }) => (
    <p key={`${code} ${since}`} className={styles.trouble} data-level={level}>
      <Icon name="errors" size={16} /> From {at(since)} to {until ? at(until) : "the end"}: {text}
    </p>
  ));
}

/** Says which run it is, and leads to others. */
function Which({ run }: { run: WireKeptRun }) {
  const seconds = Math.max(0, Math.round((run.ended - run.started) / 1000));
  const users = run.about.peak_users ?? run.about.users;
  const facts = [
    `${new Date(run.started).toISOString().slice(0, 10)} ${format.timeOfDay(run.started)}`,
    formatDuration(seconds),
    users === undefined ? null : count(users, "user"),
    run.about.host ?? null,
  ].filter((fact) => fact !== null);
  return (
    <section className={styles.banner} aria-label="Kept run">
      <Icon name="table" />
      <div className={styles.which}>
        <p>
          <strong>
            <bdi>{run.title ?? run.about.name ?? run.id}</bdi>
          </strong>{" "}
          <span className={styles.result} data-result={run.result}>
            {run.result}
          </span>
          {run.tags.map((tag) => (
            <span key={tag} className={styles.tag}>
              <bdi>{tag}</bdi>
            </span>
          ))}
        </p>
        <p className={styles.facts}>{[run.id, ...facts].join(" · ")}</p>
        {run.notes !== "" && (
          <p className={styles.notes}>
            <bdi>{run.notes}</bdi>
          </p>
        )}
        {run.state === "interrupted" && (
          <p className={styles.facts}>
            Interrupted: its process was gone before it ended. What was counted until{" "}
            {format.timeOfDay(run.ended)} is here.
          </p>
        )}
      </div>
      <nav className={styles.links} aria-label="Other runs">
        {run.baseline !== null && run.baseline !== run.id && (
          <a href={`#/compare?before=${run.baseline}&after=${run.id}`}>Compare with baseline</a>
        )}
        <a href="#/runs">All runs</a>
        <a href="#/run/overview">Current run</a>
      </nav>
    </section>
  );
}
