import { expect, test } from "vitest";
import * as format from "./format";

test.each([
  [0, "0"],
  [0.0042, "0.0042"],
  [0.42, "0.42"],
  [1.239, "1.24"],
  [12.34, "12.3"],
  [99.96, "100"],
  [182.4, "182"],
  [1204, "1,204"],
])("%d is written with three significant figures", (value, text) => {
  expect(format.significant(value)).toBe(text);
});

test("no data is a dash and never a zero", () => {
  for (const write of [
    format.significant,
    format.count,
    format.percent,
    format.time,
    format.bytes,
    format.rate,
  ]) {
    expect(write(null)).toBe("—");
    expect(write(Number.NaN)).toBe("—");
  }
});

test.each([
  [0.4, "0.40\u202fms"],
  [182, "182\u202fms"],
  [999.4, "999\u202fms"],
  [1240, "1.24\u202fs"],
  [125_000, "00:02:05"],
])("a time of %d ms has a fitting unit", (value, text) => {
  expect(format.time(value)).toBe(text);
});

test.each([
  [0, "0"],
  [0.00001, "<0.01"],
  [0.0042, "0.42"],
  [0.125, "12.5"],
  [0.9999, ">99.9"],
  [1, "100"],
])("a ratio of %d never rounds a trace away", (ratio, text) => {
  expect(format.percent(ratio)).toBe(text);
});

test.each([
  [512, "512\u202fB"],
  [1536, "1.50\u202fKiB"],
  [5 * 1024 ** 3, "5.00\u202fGiB"],
])("%d bytes are written in IEC units", (size, text) => {
  expect(format.bytes(size)).toBe(text);
});

test.each([
  [0, "00:00:00"],
  [761_000, "00:12:41"],
  [2 * 86_400_000 + 3_600_000, "2d 01:00:00"],
])("%d ms read as a clock", (ms, text) => {
  expect(format.clock(ms)).toBe(text);
});

test("the window title gets a short rate", () => {
  expect([4.2, 42, 1204, 2_500_000].map(format.shortRate)).toEqual(["4.2", "42", "1.2k", "2.5M"]);
});

test("how long ago is said in one unit", () => {
  expect([900, 12_000, 300_000, 7_200_000, 200_000_000].map(format.ago)).toEqual([
    "now",
    "12 s ago",
    "5 min ago",
    "2 h ago",
    "2 d ago",
  ]);
});
