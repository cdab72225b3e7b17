import { expect, test } from "vitest";
import { fold } from "./fold";
import { Series } from "./series";
import type { WirePoint } from "./wire";

const point = (t: number, ok: number, p95: number, seconds: number): WirePoint => [
  t,
  ok,
  0,
  3,
  3,
  1,
  2,
  p95,
  4,
  null,
  seconds,
];

test("points of several seconds are rates, and stay as the server has merged them", () => {
  const series = new Series();
  series.clear(10);
  // The first step is cut short, and one is missing.
  series.add([point(1_007, 30, 5, 3), point(1_010, 50, 6, 10), point(1_030, 70, 9, 10)]);
  const { x, step, columns, merged } = fold(series, ["ok", "p95"], 1_007);
  expect([step, merged]).toEqual([10, true]);
  expect(x).toEqual([0, 3, 13, 23]);
  expect(columns).toEqual([
    [10, 5, null, 7],
    [5, 6, null, 9],
  ]);
});

test("a second is a second again when another run is read", () => {
  const series = new Series();
  series.clear(10);
  series.clear();
  series.add([point(5, 4, 1, 1)]);
  expect([series.step, series.value("ok", 0)]).toEqual([1, 4]);
});
