/** What a run is to the page: its state, its rows, its errors. No wire format and no drawing here. */
import type { WireRun } from "./wire";

const STATES = [
  "ready",
  "spawning",
  "running",
  "paused",
  "cleanup",
  "stopping",
  "stopped",
  "missing",
] as const;

export type RunState = (typeof STATES)[number];

export function isRunState(text: string): text is RunState {
  return (STATES as readonly string[]).includes(text);
}

export interface Run {
  state: RunState;
  /** Grows with every change of what is wanted. */
  revision: number;
  host: string | null;
  users: number;
  targetUsers: number;
  usersByClass: ReadonlyMap<string, number>;
  /** Users per second. */
  spawnRate: number;
  /** Epoch milliseconds. */
  started: number | null;
  /** Epoch milliseconds. */
  ended: number | null;
  /** Seconds. */
  runTime: number | null;
  cpuPercent: number;
  memoryBytes: number;
  /** Null where the users run in this process. */
  workers: { connected: number; missing: number } | null;
  /** Where load is given as a rate of iterations, and not as a number of users. */
  rate: NonNullable<WireRun["rate"]> | null;
  iterations: NonNullable<WireRun["iterations"]> | null;
}

/** The counts and times of one endpoint, or of all together. Times in milliseconds, whole run. */
export interface Row {
  id: number;
  method: string;
  name: string;
  requests: number;
  failures: number;
  /** Requests per second, mean of the last 10 s. */
  rps: number;
  /** Failures per second, mean of the last 10 s. */
  failsPerSecond: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  avg: number | null;
  min: number | null;
  max: number | null;
  avgSize: number | null;
  /** From when requests were due; null where that is not told. */
  response50: number | null;
  response95: number | null;
  response99: number | null;
  /** The part of it that is the generator's own. */
  lateness99: number | null;
}

/** The id the total row has on the wire. */
export const TOTAL_ID = -1;

/** Percentiles of the last few seconds. */
export interface Recent {
  seconds: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

/** True while users exist or are being made. */
export function isActive(state: RunState): boolean {
  return state !== "ready" && state !== "stopped" && state !== "missing";
}

export type Tone = "idle" | "ok" | "warn" | "err";

/** How a state is said and coloured. */
export interface StateLabel {
  word: string;
  tone: Tone;
}

/** The word for a run's state. An end at the planned time is "Finished", any other end "Stopped". */
export function stateLabel(run: Run): StateLabel {
  switch (run.state) {
    case "ready":
      return { word: "Ready", tone: "idle" };
    case "spawning":
      return { word: run.users > run.targetUsers ? "Ramping down" : "Ramping", tone: "ok" };
    case "running":
      return run.users < run.targetUsers * 0.95
        ? { word: "Degraded", tone: "warn" }
        : { word: "Running", tone: "ok" };
    case "paused":
      return { word: "Paused", tone: "warn" };
    case "cleanup":
    case "stopping":
      return { word: "Stopping", tone: "warn" };
    case "stopped":
      return { word: endedAsPlanned(run) ? "Finished" : "Stopped", tone: "idle" };
    case "missing":
      return { word: "Missing", tone: "err" };
  }
}

/** A run may end this much before its planned time and still count as having reached it. */
const PLAN_SLACK_MS = 250;

function endedAsPlanned({ started, ended, runTime }: Run): boolean {
  if (started === null || ended === null || runTime === null) return false;
  return ended - started >= runTime * 1000 - PLAN_SLACK_MS;
}

/** Failures as a share of requests, or null before the first request. */
export function failRatio(requests: number, failures: number): number | null {
  return requests > 0 ? failures / requests : null;
}

/** Milliseconds a run has lasted at `now` (server time), or null before it began. */
export function elapsed(run: Run, now: number): number | null {
  if (run.started === null) return null;
  return Math.max(0, (run.ended ?? now) - run.started);
}
