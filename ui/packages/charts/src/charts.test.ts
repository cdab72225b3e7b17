import type { Folded } from "@katydid/core";
import { expect, test } from "vitest";
import { logSplits, stepAbove, stepBelow } from "./axis";
import { sparkline } from "./sparkline";
import { percentiles, throughput, wantsLog } from "./spec";
import { moment, summary } from "./summary";

const FOLDED: Folded = {
  x: [0, 1, 2],
  step: 1,
  columns: [
    [10, null, 12],
    [20, 21, 22],
    [30, 31, 32],
    [40, 400, 42],
  ],
};

test("a chart in words gives the newest value and the highest with its time", () => {
  expect(summary(percentiles, FOLDED)).toBe(
    "Response time percentiles from 0:00 to 0:02. p50 12.0 ms, highest 12.0 ms at 0:02; " +
      "p90 22.0 ms, highest 22.0 ms at 0:02; p95 32.0 ms, highest 32.0 ms at 0:02; " +
      "p99 42.0 ms, highest 400 ms at 0:01.",
  );
  expect(summary(percentiles, { x: [], columns: [], step: 1 })).toContain("no data yet");
});

test("a moment without data says so", () => {
  expect(moment(percentiles, FOLDED, 1)).toBe("0:01: p50 — ms, p90 21.0 ms, p95 31.0 ms, p99 400 ms");
});

test("the percentile axis turns logarithmic for a long tail and does not flicker back", () => {
  const tail = (p99: number): Folded => ({ x: [0], step: 1, columns: [[10], [10], [10], [p99]] });
  expect(wantsLog(tail(150), false)).toBe(false);
  expect(wantsLog(tail(201), false)).toBe(true);
  expect(wantsLog(tail(150), true)).toBe(true);
  expect(wantsLog(tail(99), true)).toBe(false);
});

test("failed requests stack on good ones and a gap stays a gap", () => {
  const data = throughput.toData({
    x: [0, 1],
    step: 1,
    columns: [
      [5, null],
      [2, null],
      [1, null],
    ],
  });
  expect(data).toEqual([
    [0, 1],
    [7, null],
    [5, null],
    [1, null],
  ]);
});

test("a log axis begins and ends on a label", () => {
  expect([stepBelow(3.2), stepAbove(3.2), stepBelow(7), stepAbove(7)]).toEqual([2, 5, 5, 10]);
  expect(logSplits(2, 100)).toEqual([2, 5, 10, 20, 50, 100]);
  expect(logSplits(1, 100_000)).toEqual([1, 10, 100, 1000, 10_000, 100_000]);
});

test("a sparkline breaks where there is no data", () => {
  expect(sparkline([0, 5, Number.NaN, 10, 5], 40, 10)).toBe("M0 10L10 5M30 0L40 5");
  expect(sparkline([1], 40, 10)).toBe("");
});
