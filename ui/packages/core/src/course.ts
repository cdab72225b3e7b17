/** The course of one endpoint over time, as columns for charts. */
import type { WireEndpoint } from "./wire";

/** Columns by second since the origin; null where there was nothing. Rates are per second, times in milliseconds. */
export interface Course {
  x: number[];
  /** Seconds of one step. */
  step: number;
  ok: (number | null)[];
  failed: (number | null)[];
  /** p50, p95, p99 */
  times: (number | null)[][];
  /** In, out. */
  bytes: (number | null)[][];
  /** 2xx, 3xx, 4xx, 5xx, none. */
  statuses: (number | null)[][];
  /** The mean of each phase over all requests of the step, in the order of the wire. */
  phases: (number | null)[][];
}

const PHASES = 8;

/** Reads a series; `origin` is the epoch second called 0. Steps that were left out have no requests. */
export function courseOf(series: NonNullable<WireEndpoint["series"]>, origin: number): Course {
  const { step, points } = series;
  const columns = (count: number) => Array.from({ length: count }, (): (number | null)[] => []);
  const course: Course = {
    x: [],
    step,
    ok: [],
    failed: [],
    times: columns(3),
    bytes: columns(2),
    statuses: columns(5),
    phases: columns(PHASES),
  };
  for (const [t, ok, failed, p50, p95, p99, bytesIn, bytesOut, codes, phases, seconds = step] of points) {
    const at = t - origin;
    const previous = course.x.at(-1);
    if (previous !== undefined && at - previous > step) {
      addNothing(course, previous + step);
      if (at - previous > step * 2) addNothing(course, at - step);
    }
    const requests = ok + failed;
    const [none, informational, ...classes] = codes;
    course.x.push(at);
    course.ok.push(ok / seconds);
    course.failed.push(failed / seconds);
    push(course.times, [p50, p95, p99]);
    push(course.bytes, [bytesIn / seconds, bytesOut / seconds]);
    push(
      course.statuses,
      [...classes, none + informational].map((count) => count / seconds),
    );
    push(
      course.phases,
      phases.map((ms) => (requests > 0 ? ms / requests : null)),
    );
  }
  return course;
}

function addNothing(course: Course, at: number): void {
  course.x.push(at);
  course.ok.push(0);
  course.failed.push(0);
  push(course.times, [null, null, null]);
  push(course.bytes, [0, 0]);
  push(course.statuses, [0, 0, 0, 0, 0]);
  push(course.phases, Array(PHASES).fill(null));
}

function push(columns: (number | null)[][], values: readonly (number | null)[]): void {
  columns.forEach((column, index) => {
    column.push(values[index] ?? null);
  });
}
