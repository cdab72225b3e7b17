import { expect, test } from "vitest";
import { crewOf, failuresOf } from "./crew";
import type { WireCrew, WireMember } from "./wire";

const member = (index: number, rps: number): WireMember => [index, 1, rps, 10 * index, 1024, null];

const CREW: WireCrew = {
  ids: { 0: "a", 1: "b", 2: "c" },
  step: 1,
  points: [
    [100, [member(0, 5), member(1, 3)]],
    [101, [member(0, 5), member(1, 4), member(2, 9)]],
    [105, [member(2, 9)]],
  ],
};

test("each worker has a line with gaps where it was not there", () => {
  const { x, labels, columns } = crewOf(CREW, "rps", 100, 8);
  expect(x).toEqual([0, 1, 2, 5]);
  expect(labels).toEqual(["a", "b", "c"]);
  expect(columns).toEqual([
    [5, 5, null, null],
    [3, 4, null, null],
    [null, 9, null, 9],
  ]);
});

test("of many workers there is the range, or the largest and the rest", () => {
  expect(crewOf(CREW, "cpu", 100, 2)).toMatchObject({
    labels: ["largest", "median", "smallest"],
    columns: [
      [10, 20, null, 20],
      [0, 10, null, 20],
      [0, 0, null, 20],
    ],
  });
  expect(crewOf(CREW, "rps", 100, 2, true)).toMatchObject({
    labels: ["c", "2 others"],
    columns: [
      [null, 9, null, 9],
      [8, 9, null, 0],
    ],
  });
});

test("kinds of failures that there were are rates, zero in between", () => {
  const wire = {
    kinds: ["http 5xx", "dns", "check"],
    step: 2,
    until: 105,
    points: [[102, [4, 0, 2]]] as [number, number[]][],
  };
  expect(failuresOf(wire, 100)).toEqual({
    x: [0, 2, 4],
    step: 2,
    labels: ["http 5xx", "check"],
    columns: [
      [0, 2, 0],
      [0, 1, 0],
    ],
  });
});
