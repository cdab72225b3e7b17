import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration";
import { closed, heard, newLink, view } from "./link";
import { planShape } from "./plan";
import { elapsed, isActive, isRunState, type Run, stateLabel } from "./run";
import { sortRows } from "./sort";

const RUN: Run = {
  state: "running",
  revision: 1,
  host: null,
  users: 100,
  targetUsers: 100,
  usersByClass: new Map(),
  spawnRate: 1,
  started: 1_000,
  ended: null,
  runTime: 60,
  cpuPercent: 0,
  memoryBytes: 0,
  workers: null,
  rate: null,
  iterations: null,
};

test("a run that lost users is degraded", () => {
  expect(stateLabel(RUN).word).toBe("Running");
  expect(stateLabel({ ...RUN, users: 94 })).toEqual({ word: "Degraded", tone: "warn" });
});

test("an end at the planned time is not called a stop", () => {
  const stopped: Run = { ...RUN, state: "stopped" };
  expect(stateLabel({ ...stopped, ended: 61_000 }).word).toBe("Finished");
  expect(stateLabel({ ...stopped, ended: 31_000 }).word).toBe("Stopped");
});

test("time stands still after the end", () => {
  expect(elapsed(RUN, 5_000)).toBe(4_000);
  expect(elapsed({ ...RUN, ended: 3_000 }, 99_000)).toBe(2_000);
  expect(elapsed({ ...RUN, started: null }, 99_000)).toBeNull();
});

test.each([
  ["90", 90],
  ["30s", 30],
  ["5m", 300],
  ["1h30m", 5400],
  ["1h 30m 5s", 5405],
  ["", null],
  ["soon", null],
  ["-5", null],
  ["5x", null],
])("the run time %j is %j seconds", (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test("a run time is written so that it reads back", () => {
  for (const seconds of [0, 1, 59, 60, 3600, 5405]) {
    expect(parseDuration(formatDuration(seconds))).toBe(seconds);
  }
});

test("a plan shows what the ramp reaches within the run time", () => {
  expect(planShape({ users: 100, spawnRate: 10, runTime: 60 })).toMatchObject({ peak: 100, rampSeconds: 10 });
  expect(planShape({ users: 100, spawnRate: 1, runTime: 30 })).toMatchObject({
    peak: 30,
    corners: [
      [0, 0],
      [30, 30],
    ],
  });
});

test("data ages from live to stale to lost", () => {
  const link = heard(newLink(0), 1_000);
  expect(view(newLink(0), 500, true).kind).toBe("connecting");
  expect(view(link, 2_000, true)).toEqual({ kind: "live", age: 1_000 });
  expect(view(link, 4_000, true)).toEqual({ kind: "stale", age: 3_000 });
  expect(view(link, 4_000, false).kind).toBe("live");
  expect(view(link, 11_500, true).kind).toBe("lost");
});

test("a closed stream that does not come back counts as lost before its silence would", () => {
  const link = closed(heard(newLink(0), 1_000), 1_100);
  expect(view(link, 1_500, true).kind).toBe("live");
  expect(view(link, 5_200, true).kind).toBe("lost");
  expect(view(heard(link, 5_300), 5_400, true).kind).toBe("live");
});

test("a plan without a ramp has all users from the start", () => {
  expect(planShape({ users: 5, spawnRate: 10, runTime: 60 }).corners).toEqual([
    [0, 5],
    [60, 5],
  ]);
});

test("rows without data come last in both directions", () => {
  const rows = [{ v: 2 }, { v: null }, { v: 1 }];
  const value = (row: { v: number | null }) => row.v;
  expect(sortRows(rows, value, "ascending").map(value)).toEqual([1, 2, null]);
  expect(sortRows(rows, value, "descending").map(value)).toEqual([2, 1, null]);
});

test("numbers inside names sort as numbers, and equal rows stay put", () => {
  const rows = ["/item/10", "/item/9", "/Item/9"];
  expect(sortRows(rows, (name) => name, "ascending")).toEqual(["/item/9", "/Item/9", "/item/10"]);
});

test("a paused run is under way and says so", () => {
  expect(isRunState("paused")).toBe(true);
  expect(isActive("paused")).toBe(true);
});
