/**
 * The seconds of a run, column by column in typed arrays.
 *
 * Kept outside the view framework: a day of points is a few megabytes here and would be a million
 * objects otherwise. A column holds NaN where the server had no data. Seconds that were never
 * reported are not stored at all; `fold` makes gaps of them.
 */
import type { WirePoint } from "./wire";

/** The columns of a point after its time, in wire order. */
export const COLUMNS = [
  "ok",
  "failed",
  "users",
  "target",
  "p50",
  "p90",
  "p95",
  "p99",
  "lateness",
  "due",
  "begun",
  "late",
  "dropped",
  "start50",
  "start99",
  "startMax",
] as const;

export type Column = (typeof COLUMNS)[number];

/** Columns that are counts of what happened. */
const COUNTED: ReadonlySet<Column> = new Set<Column>(["ok", "failed", "due", "begun", "late", "dropped"]);

/** The first column that is of iterations. */
const ITERATIONS = COLUMNS.indexOf("due");

const FIRST_CAPACITY = 512;

/** One day of seconds; past it the oldest quarter is let go. */
const MAX_POINTS = 86_400;

export class Series {
  /** Seconds of a point: one, but for long runs that are kept. */
  step = 1;
  #length = 0;
  #capacity = FIRST_CAPACITY;
  #time = new Float64Array(FIRST_CAPACITY);
  #columns = COLUMNS.map(() => new Float32Array(FIRST_CAPACITY));

  get length(): number {
    return this.#length;
  }

  /** Epoch second of a point. */
  time(index: number): number {
    return this.#time[index] ?? Number.NaN;
  }

  /** A value of a point, NaN where there was no data. */
  value(column: Column, index: number): number {
    return this.#columns[COLUMNS.indexOf(column)]?.[index] ?? Number.NaN;
  }

  clear(step = 1): void {
    this.#length = 0;
    this.step = step;
  }

  /**
   * Takes points in; a second already known is replaced, so that replays do no harm. Counts of a point
   * that covers several seconds become means of one.
   */
  add(points: readonly WirePoint[]): void {
    for (const point of points) {
      const at = this.#place(point[0]);
      const seconds = point[10] ?? this.step;
      const iterations = point[11] ?? [];
      this.#time[at] = point[0];
      this.#columns.forEach((column, index) => {
        const told = index < ITERATIONS ? point[index + 1] : iterations[index - ITERATIONS];
        const value = (told as number | null | undefined) ?? Number.NaN;
        column[at] = COUNTED.has(COLUMNS[index] ?? "p50") ? value / seconds : value;
      });
    }
  }

  /** The newest `count` values of a column, oldest first. */
  tail(column: Column, count: number): number[] {
    const from = Math.max(0, this.#length - count);
    return Array.from({ length: this.#length - from }, (_, offset) => this.value(column, from + offset));
  }

  /** The largest value of a column, NaN if there is none. */
  max(column: Column): number {
    let most = Number.NaN;
    for (let index = 0; index < this.#length; index += 1) {
      const value = this.value(column, index);
      if (Number.isNaN(most) || value > most) most = value;
    }
    return most;
  }

  /** Where a second belongs: appended almost always, else found by bisection. */
  #place(time: number): number {
    if (this.#length === 0 || time > this.time(this.#length - 1)) return this.#append();
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time(middle) < time) low = middle + 1;
      else high = middle;
    }
    if (this.time(low) !== time) this.#insert(low);
    return low;
  }

  #insert(at: number): void {
    this.#append();
    for (const column of [this.#time, ...this.#columns]) column.copyWithin(at + 1, at, this.#length - 1);
  }

  #append(): number {
    if (this.#length === MAX_POINTS) {
      const dropped = MAX_POINTS / 4;
      for (const column of [this.#time, ...this.#columns]) column.copyWithin(0, dropped, this.#length);
      this.#length -= dropped;
    } else if (this.#length === this.#capacity) {
      this.#capacity = Math.min(this.#capacity * 2, MAX_POINTS);
      const time = new Float64Array(this.#capacity);
      time.set(this.#time);
      this.#time = time;
      this.#columns = this.#columns.map((old) => {
        const grown = new Float32Array(this.#capacity);
        grown.set(old);
        return grown;
      });
    }
    this.#length += 1;
    return this.#length - 1;
  }
}
