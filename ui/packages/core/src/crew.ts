/** The courses of workers, and of kinds of failures, as columns for charts. */
import type { Folded } from "./fold";
import type { WireCrew, WireFailures, WireMember } from "./wire";

/** What is known of a worker in a step. */
export type Measure = "users" | "rps" | "cpu" | "memory" | "lateness";

const PLACES: Readonly<Record<Measure, number>> = { users: 1, rps: 2, cpu: 3, memory: 4, lateness: 5 };

/** Columns with the labels of their lines. */
export interface Labelled extends Folded {
  labels: string[];
}

/**
 * One measure of each worker over time. Of more than `most` workers there are the largest, the middle
 * and the smallest value, or with `sums` those with the most and the sum of the others.
 */
export function crewOf(
  crew: WireCrew,
  measure: Measure,
  origin: number,
  most: number,
  sums = false,
): Labelled {
  const indexes = Object.keys(crew.ids)
    .map(Number)
    .sort((a, b) => a - b);
  const place = PLACES[measure];
  const x: number[] = [];
  const rows: (readonly WireMember[])[] = [];
  for (const [t, members] of crew.points) {
    const previous = x.at(-1);
    if (previous !== undefined && t - origin - previous > crew.step) {
      x.push(previous + crew.step);
      rows.push([]);
    }
    x.push(t - origin);
    rows.push(members);
  }
  const values = (members: readonly WireMember[]) =>
    members.map((member) => member[place]).filter((value) => value !== null && value !== undefined);
  const column = (index: number) =>
    rows.map((members) => members.find(([each]) => each === index)?.[place] ?? null);
  if (indexes.length <= most) {
    return {
      x,
      step: crew.step,
      labels: indexes.map((index) => crew.ids[index] ?? ""),
      columns: indexes.map(column),
    };
  }
  if (!sums) {
    const ranked = rows.map((members) => values(members).sort((a, b) => b - a));
    return {
      x,
      step: crew.step,
      labels: ["largest", "median", "smallest"],
      columns: [
        ranked.map((each) => each[0] ?? null),
        ranked.map((each) => each[each.length >> 1] ?? null),
        ranked.map((each) => each.at(-1) ?? null),
      ],
    };
  }
  const total = (index: number) => column(index).reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const ranked = indexes.map((index) => [index, total(index)] as const).sort((a, b) => b[1] - a[1]);
  const own = ranked.slice(0, most - 1).map(([index]) => index);
  const others = rows.map((members) =>
    members.length === 0
      ? null
      : values(members.filter(([index]) => !own.includes(index))).reduce((a, b) => a + b, 0),
  );
  return {
    x,
    step: crew.step,
    labels: [...own.map((index) => crew.ids[index] ?? ""), `${indexes.length - own.length} others`],
    columns: [...own.map(column), others],
  };
}

/** Failures per second of each kind that there was; steps without any are zero. */
export function failuresOf({ kinds, step, until, points }: WireFailures, origin: number): Labelled {
  const there = kinds
    .map((_, index) => index)
    .filter((index) => points.some(([, counts]) => (counts[index] ?? 0) > 0));
  // Steps begin where the server has them begin; the first one may be cut short.
  const phase = (points.at(-1)?.[0] ?? 0) % step;
  const begin = (t: number) => Math.floor((t - phase) / step) * step + phase;
  const known = new Map(points.map(([t, counts]) => [begin(t), counts]));
  const first = begin(origin);
  const x: number[] = [];
  const columns: number[][] = there.map(() => []);
  const end = Math.max(until ?? origin, points.at(-1)?.[0] ?? origin);
  for (let t = first; t <= end; t += step) {
    const counts = known.get(t);
    x.push(Math.max(0, t - origin));
    there.forEach((kind, index) => {
      columns[index]?.push((counts?.[kind] ?? 0) / step);
    });
  }
  return { x, step, labels: there.map((index) => kinds[index] ?? ""), columns };
}
