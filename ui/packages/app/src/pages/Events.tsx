import { format, type WireMark } from "@katydid/core";
import { useState } from "react";
import { isBad } from "../components/annotations";
import { useLive, useView } from "../live/hooks";
import styles from "./Events.module.css";

/** So many are listed at first. */
const FIRST = 8;

const WORDS: Readonly<Record<string, string>> = {
  start: "Started",
  load: "Load changed",
  reached: "All users there",
  pause: "Paused",
  resume: "Resumed",
  segment: "Segment",
  stop: "Stopping",
  end: "Ended",
  worker: "Worker",
  threshold: "Threshold",
  health: "Generator",
  note: "Note",
};

/** What happened during the run besides requests, the newest first. */
export function Events() {
  const { store } = useLive();
  const marks = useView((view) => view.marks);
  const lost = useView((view) => view.lost);
  const [all, setAll] = useState(false);
  if (marks.length === 0) return null;
  const newest = marks.toReversed();
  const shown = all ? newest : newest.slice(0, FIRST);
  const requests = lost.reduce((sum, each) => sum + each.requests, 0);
  return (
    <section className={styles.panel} aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      {lost.length > 0 && (
        <p className={styles.lost}>
          {lost.length === 1 ? "A worker was" : `${lost.length} workers were`} lost, and with it about{" "}
          {format.count(requests)} requests that are in no number here.
        </p>
      )}
      <table>
        <thead className="visually-hidden">
          <tr>
            <th scope="col">Time</th>
            <th scope="col">What</th>
            <th scope="col">Words</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((mark) => (
            <Event key={mark.id} mark={mark} origin={store.model.origin} />
          ))}
        </tbody>
      </table>
      {newest.length > FIRST && (
        <button type="button" onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${newest.length}`}
        </button>
      )}
    </section>
  );
}

function Event({ mark: { t, kind, text, by }, origin }: { mark: WireMark; origin: number }) {
  return (
    <tr data-kind={kind} data-bad={isBad(kind) || undefined}>
      <td className={styles.time}>
        <time dateTime={new Date(t).toISOString()} title={format.timeOfDay(t)}>
          {format.axisTime(t / 1000 - origin)}
        </time>
      </td>
      <td className={styles.kind}>{WORDS[kind] ?? kind}</td>
      <td>
        <bdi>{text}</bdi>
        {by !== null && <span className={styles.by}> by {by}</span>}
      </td>
    </tr>
  );
}
