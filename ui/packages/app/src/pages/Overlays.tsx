import { Group, paired, pairOf, spectra, spectraData, spectraText } from "@katydid/charts";
import {
  type Column,
  courseOf,
  type Folded,
  fold,
  format,
  Model,
  TOTAL_ID,
  type WireEndpoint,
  type WireKeptSnapshot,
} from "@katydid/core";
import { useCallback, useEffect, useMemo, useState } from "react";
import { ChartPanel } from "../components/ChartPanel";
import { GraphPanel } from "../components/GraphPanel";
import { LiveContext, useLive } from "../live/hooks";
import { keptSource, readKept } from "../live/source";
import { Store } from "../live/store";
import styles from "./Compare.module.css";

/** What both runs are laid on: their first second, or the one in which all users were there. */
type Align = "start" | "reached";

interface Side {
  snapshot: WireKeptSnapshot;
  model: Model;
  /** Of all requests, or of the chosen name. */
  detail: WireEndpoint | null;
}

const ALL = JSON.stringify(["", ""]);

const RATE = pairOf("Requests per second", "req/s", false, format.significant);
const P95 = pairOf("Response time, p95", "ms", true, format.millis);
const FAIL = pairOf("Failed", "%", false, format.significant);
const USERS = pairOf("Users", "", false, format.count);

/** The charts of two runs on each other, over the time since each began. */
export function Overlays({ before, after }: { before: string; after: string }) {
  const live = useLive();
  const [group] = useState(() => new Group());
  const [name, setName] = useState(ALL);
  const [align, setAlign] = useState<Align>("start");
  const [offset, setOffset] = useState(0);
  const one = useSide(before, name);
  const other = useSide(after, name);
  // Marks and limits of the run under way are not those of these.
  const quiet = useMemo(() => ({ ...live, store: new Store(), settled: true }), [live]);
  const names = useMemo(() => namesOf(one, other), [one, other]);
  const ramps = [one, other].map((side) => (side === null ? 0 : (reachedAt(side) ?? 0)));
  const shift = offset + (align === "reached" ? (ramps[0] ?? 0) - (ramps[1] ?? 0) : 0);
  if (one === null || other === null) return null;
  const hasRamp = [one, other].every((side) => reachedAt(side) !== null);
  const whole = name === ALL;
  return (
    <section className={styles.overlays} aria-label="Charts of both runs">
      <div className={styles.tools}>
        <label>
          Of{" "}
          <select aria-label="Requests of" value={name} onChange={({ target }) => setName(target.value)}>
            <option value={ALL}>all requests</option>
            {names.map(([method, text]) => (
              <option key={JSON.stringify([method, text])} value={JSON.stringify([method, text])}>
                {method} {text}
              </option>
            ))}
          </select>
        </label>
        <label>
          Aligned at{" "}
          <select
            aria-label="Aligned at"
            value={align}
            onChange={({ target }) => setAlign(target.value as Align)}
          >
            <option value="start">the start</option>
            <option value="reached" disabled={!hasRamp}>
              all users there
            </option>
          </select>
        </label>
        <label>
          After, later by{" "}
          <input
            type="number"
            aria-label="After, later by seconds"
            step={1}
            value={offset}
            onChange={({ target }) => setOffset(Math.round(Number(target.value)) || 0)}
          />{" "}
          s
        </label>
      </div>
      <LiveContext value={quiet}>
        <div className={styles.charts}>
          <Over spec={P95} group={group} one={one} other={other} shift={shift} of={whole ? "p95" : TIMES} />
          <Over spec={RATE} group={group} one={one} other={other} shift={shift} of={whole ? rate : RATES} />
          {whole && (
            <>
              <Over spec={FAIL} group={group} one={one} other={other} shift={shift} of={failed} />
              <Over spec={USERS} group={group} one={one} other={other} shift={shift} of="users" />
            </>
          )}
          <Spectra before={one.detail} after={other.detail} />
        </div>
      </LiveContext>
    </section>
  );
}

/** A column of the run's own seconds, or one made of a side. */
type Of = Column | ((side: Side) => Folded);

const TIMES = (side: Side) => courseColumn(side, ({ times: [, p95 = []] }) => p95);

const RATES = (side: Side) =>
  courseColumn(side, ({ ok, failed: bad }) => ok.map((each, index) => (each ?? 0) + (bad[index] ?? 0)));

function rate({ model }: Side): Folded {
  const folded = fold(model.series, ["ok", "failed"], model.origin);
  const [ok = [], bad = []] = folded.columns;
  return { ...folded, columns: [ok.map((each, index) => (each === null ? null : each + (bad[index] ?? 0)))] };
}

function failed({ model }: Side): Folded {
  const folded = fold(model.series, ["ok", "failed"], model.origin);
  const [ok = [], bad = []] = folded.columns;
  const ratio = ok.map((each, index) => {
    const all = (each ?? 0) + (bad[index] ?? 0);
    return all > 0 ? (100 * (bad[index] ?? 0)) / all : null;
  });
  return { ...folded, columns: [ratio] };
}

function courseColumn(
  { detail, model }: Side,
  column: (course: ReturnType<typeof courseOf>) => (number | null)[],
): Folded {
  const course = courseOf(detail?.series ?? { step: 1, points: [] }, model.origin);
  return { x: course.x, step: course.step, columns: [column(course)], merged: true };
}

function Over({
  spec,
  group,
  one,
  other,
  shift,
  of,
}: {
  spec: ReturnType<typeof pairOf>;
  group: Group;
  one: Side;
  other: Side;
  shift: number;
  of: Of;
}) {
  const read = useCallback(() => {
    const [first, second] = [one, other].map((side) =>
      typeof of === "function" ? of(side) : fold(side.model.series, [of], side.model.origin),
    );
    if (first === undefined || second === undefined) return { x: [], step: 1, columns: [[], []] };
    return paired(first, second, shift);
  }, [one, other, shift, of]);
  return <ChartPanel spec={spec} group={group} read={read} />;
}

function Spectra({ before, after }: { before: WireEndpoint | null; after: WireEndpoint | null }) {
  const data = useMemo(
    () => spectraData(before?.percentiles ?? [], after?.percentiles ?? []),
    [before, after],
  );
  const at = (detail: WireEndpoint | null, part: number) =>
    format.time(detail?.percentiles.find(([each]) => each >= part)?.[1]);
  const words = [0.5, 0.9, 0.99]
    .map((part) => `${part * 100} % ${at(before, part)} before and ${at(after, part)} after`)
    .join(", ");
  return (
    <GraphPanel
      title="Percentiles"
      note="ms · before dashed"
      summary={`Percentiles of response times: ${words}.`}
      dress={spectra}
      data={data}
      read={(index) => spectraText(data, index)}
    />
  );
}

/** What the charts need of one of the runs; null until it is there. */
function useSide(run: string, name: string): Side | null {
  const [side, setSide] = useState<Omit<Side, "detail"> | null>(null);
  const [detail, setDetail] = useState<{ name: string; of: WireEndpoint | null } | null>(null);
  useEffect(() => {
    let wanted = true;
    readKept(run).then(
      (snapshot) => {
        const model = new Model();
        model.load(snapshot);
        if (wanted) setSide({ snapshot, model });
      },
      () => wanted && setSide(null),
    );
    return () => {
      wanted = false;
    };
  }, [run]);
  useEffect(() => {
    if (side === null) return;
    let wanted = true;
    const id = name === ALL ? TOTAL_ID : idOf(side.snapshot, name);
    const answer = id === null ? Promise.resolve(null) : keptSource(run).endpoint(id);
    answer.then(
      (of) => wanted && setDetail({ name, of }),
      () => wanted && setDetail({ name, of: null }),
    );
    return () => {
      wanted = false;
    };
  }, [run, name, side]);
  return useMemo(
    () => (side === null ? null : { ...side, detail: detail?.name === name ? detail.of : null }),
    [side, detail, name],
  );
}

function idOf({ names = [] }: WireKeptSnapshot, wanted: string): number | null {
  const found = names.find(([, method, name]) => JSON.stringify([method, name]) === wanted);
  return found?.[0] ?? null;
}

function namesOf(one: Side | null, other: Side | null): [method: string, name: string][] {
  const all = [one, other].flatMap((side) => side?.snapshot.names ?? []);
  const known = new Map(all.map(([, method, name]) => [JSON.stringify([method, name]), [method, name]]));
  return [...known.values()] as [string, string][];
}

/** When all users were there first, in seconds since the run began. */
function reachedAt({ snapshot, model }: Side): number | null {
  const mark = snapshot.marks?.find(({ kind }) => kind === "reached");
  return mark === undefined ? null : Math.round(mark.t / 1000 - model.origin);
}
