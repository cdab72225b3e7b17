import { expect, test } from "vitest";
import { textOf, zoomOf } from "./rangeInAddress";

test("a stretch comes back from its address as what is counted of it", () => {
  expect(textOf({ min: 60.7, max: 119.2 })).toBe("60-120");
  expect(zoomOf("60-120")).toEqual({ min: 60, max: 120 });
  expect(textOf({ min: -0.4, max: 0.2 })).toBe("0-1");
});

test.each(["", "60", "120-60", "60-60", "a-b", "-1-5", "1-5x", "1e3-2e3", "0-99999999999999999999"])(
  "%j is no stretch",
  (text) => expect(zoomOf(text)).toBeNull(),
);
