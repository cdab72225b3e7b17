/**
 * Brings a series to a size a chart can draw and keeps its gaps.
 *
 * Several seconds that fall into one step become their mean for rates and counts. A percentile is
 * never averaged: the step shows its worst second, and the caller says so beside the chart. Points that
 * the server has merged, from histograms, are few enough and stay as they are.
 */
import type { Column, Series } from "./series";

/** A chart never gets more points than this per line. */
export const MAX_DRAWN = 1_200;

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];

/** Columns of numbers over time; null is a gap. */
export interface Folded {
  /** Seconds since `origin`. */
  x: number[];
  columns: (number | null)[][];
  /** Seconds in one step. */
  step: number;
  /** Whether each percentile is one of all requests of its step. */
  merged?: boolean;
}

const WORST: ReadonlySet<Column> = new Set<Column>([
  "p50",
  "p90",
  "p95",
  "p99",
  "lateness",
  "start50",
  "start99",
  "startMax",
]);

/** Seconds per step so that a stretch of `seconds` needs at most `limit` of them. */
export function stepFor(seconds: number, limit = MAX_DRAWN): number {
  return STEPS.find((step) => seconds / step <= limit) ?? Math.ceil(seconds / limit);
}

/** Folds columns of a series; `origin` is the epoch second shown as 0. */
export function fold(series: Series, wanted: readonly Column[], origin: number, limit = MAX_DRAWN): Folded {
  const x: number[] = [];
  const columns: (number | null)[][] = wanted.map(() => []);
  if (series.length === 0) return { x, columns, step: 1 };
  const step = stepFor(series.time(series.length - 1) - series.time(0) + 1, limit);
  if (series.step > 1 && series.length <= Math.max(limit, MAX_DRAWN)) return asMerged(series, wanted, origin);

  let from = 0;
  while (from < series.length) {
    const start = stepStart(series.time(from) - origin, step);
    let to = from + 1;
    while (to < series.length && stepStart(series.time(to) - origin, step) === start) to += 1;
    const previous = x.at(-1);
    if (previous !== undefined && start - previous > step * 1.5) {
      x.push(previous + step);
      for (const column of columns) column.push(null);
    }
    x.push(start);
    wanted.forEach((name, index) => {
      columns[index]?.push(foldRange(series, name, from, to));
    });
    from = to;
  }
  return { x, columns, step };
}

function asMerged(series: Series, wanted: readonly Column[], origin: number): Folded {
  const { step } = series;
  const x: number[] = [];
  const columns: (number | null)[][] = wanted.map(() => []);
  for (let index = 0; index < series.length; index += 1) {
    const at = series.time(index) - origin;
    const previous = x.at(-1);
    if (previous !== undefined && at - previous > step * 1.5) {
      x.push(previous + step);
      for (const column of columns) column.push(null);
    }
    x.push(at);
    wanted.forEach((name, column) => {
      const value = series.value(name, index);
      columns[column]?.push(Number.isNaN(value) ? null : value);
    });
  }
  return { x, columns, step, merged: true };
}

function stepStart(time: number, step: number): number {
  return Math.floor(time / step) * step;
}

function foldRange(series: Series, column: Column, from: number, to: number): number | null {
  const worst = WORST.has(column);
  let sum = 0;
  let most = Number.NEGATIVE_INFINITY;
  let count = 0;
  for (let index = from; index < to; index += 1) {
    const value = series.value(column, index);
    if (Number.isNaN(value)) continue;
    sum += value;
    most = Math.max(most, value);
    count += 1;
  }
  if (count === 0) return null;
  return worst ? most : sum / count;
}
