import { expect, test } from "vitest";
import { saturation } from "./saturation";
import { Series } from "./series";
import type { WirePoint } from "./wire";

test("each stretch of ten seconds is a point, in the order of the load", () => {
  const series = new Series();
  const points = Array.from({ length: 35 }, (_, second): WirePoint => {
    const step = Math.floor(second / 10);
    const p95 = second === 12 ? 90 : 50 - step;
    return [1000 + second, 30 - 10 * step, 1, 5 + step, 10, 1, 2, step === 2 ? null : p95, 99, null];
  });
  series.add(points);
  expect(saturation(series, "rate", 1000)).toEqual({ x: [21, 31], p95: [90, 50], at: [10, 0] });
  expect(saturation(series, "users", 1000)).toEqual({ x: [5, 6], p95: [50, 90], at: [0, 10] });
  expect(saturation(new Series(), "rate", 0).x).toEqual([]);
});
