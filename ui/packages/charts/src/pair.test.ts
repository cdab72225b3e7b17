import { format } from "@katydid/core";
import { expect, test } from "vitest";
import { paired, spectraData, spectraText } from "./pair";

test("two runs lie on the steps of both, the other one shifted", () => {
  const one = { x: [0, 1, 2], step: 1, columns: [[5, null, 7]] };
  const other = { x: [0, 1], step: 1, columns: [[1, 2]] };
  expect(paired(one, other, 1)).toEqual({
    x: [0, 1, 2],
    step: 1,
    columns: [
      [5, null, 7],
      [null, 1, 2],
    ],
    merged: false,
  });
});

test("what goes in longer steps is laid on those", () => {
  const one = { x: [0, 10], step: 10, columns: [[5, 6]], merged: true };
  const other = { x: [3, 13], step: 10, columns: [[1, 2]], merged: true };
  const both = paired(one, other, 0);
  expect([both.x, both.step, both.merged]).toEqual([[0, 10], 10, true]);
  expect(both.columns).toEqual([
    [5, 6],
    [1, 2],
  ]);
});

test("spectra share an axis and tell both", () => {
  const data = spectraData(
    [
      [0.5, 10],
      [0.9, 20],
      [1, 30],
    ],
    [
      [0.5, 11],
      [1, 12],
    ],
  );
  expect(data[0]).toHaveLength(4);
  expect(spectraText(data, 0)).toBe(`50 %: before ${format.time(10)}, after ${format.time(11)}`);
  expect(spectraText(data, 9)).toBe("");
});
