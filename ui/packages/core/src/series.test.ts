import { expect, test } from "vitest";
import { fold, stepFor } from "./fold";
import { Series } from "./series";
import type { WirePoint } from "./wire";

function point(t: number, ok = 10, p95: number | null = 100): WirePoint {
  return [t, ok, 1, 5, 5, 50, 80, p95, 200, null];
}

test("points come back in order of time, whatever order they arrive in", () => {
  const series = new Series();
  series.add([point(10), point(12), point(11)]);
  expect([0, 1, 2].map((index) => series.time(index))).toEqual([10, 11, 12]);
});

test("a second that is replayed is not counted twice", () => {
  const series = new Series();
  series.add([point(10, 1), point(11, 2)]);
  series.add([point(10, 7), point(11, 2)]);
  expect(series.length).toBe(2);
  expect(series.value("ok", 0)).toBe(7);
});

test("a series grows past its first capacity and keeps every value", () => {
  const series = new Series();
  series.add(Array.from({ length: 2_000 }, (_, t) => point(t, t)));
  expect(series.length).toBe(2_000);
  expect(series.value("ok", 1_999)).toBe(1_999);
  expect(series.tail("ok", 3)).toEqual([1_997, 1_998, 1_999]);
  expect(series.max("ok")).toBe(1_999);
});

test("more than a day of seconds lets the oldest go", () => {
  const series = new Series();
  series.add(Array.from({ length: 86_401 }, (_, t) => point(t)));
  expect(series.length).toBe(86_400 * 0.75 + 1);
  expect(series.time(0)).toBe(86_400 / 4);
  expect(series.time(series.length - 1)).toBe(86_400);
});

test("seconds without data become a gap, not a slope and not a zero", () => {
  const series = new Series();
  series.add([point(100), point(101), point(105)]);
  const { x, columns } = fold(series, ["ok"], 100);
  expect(x).toEqual([0, 1, 2, 5]);
  expect(columns[0]).toEqual([10, 10, null, 10]);
});

test("a percentile the server could not compute is null", () => {
  const series = new Series();
  series.add([point(1, 0, null)]);
  expect(fold(series, ["p95"], 1).columns[0]).toEqual([null]);
});

test("a step of many seconds shows mean rates and the worst percentile", () => {
  const series = new Series();
  series.add([point(0, 10, 100), point(1, 20, 900), point(2, 30, 100), point(3, 40, null)]);
  const { x, columns, step } = fold(series, ["ok", "p95"], 0, 2);
  expect(step).toBe(2);
  expect(x).toEqual([0, 2]);
  expect(columns).toEqual([
    [15, 35],
    [900, 100],
  ]);
});

test("a run of any length fits the limit of drawn points", () => {
  for (const seconds of [1, 1_200, 1_201, 7_200, 86_400]) {
    expect(seconds / stepFor(seconds)).toBeLessThanOrEqual(1_200);
  }
});
