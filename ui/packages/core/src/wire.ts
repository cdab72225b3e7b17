/** The JSON of the web API, exactly as it travels. Only `decode.ts` knows these shapes. */

export type WirePoint = [
  t: number,
  ok: number,
  failed: number,
  users: number,
  target: number,
  p50: number | null,
  p90: number | null,
  p95: number | null,
  p99: number | null,
  lateness_p99: number | null,
];

export type WireRow = [
  id: number,
  requests: number,
  failures: number,
  rps10: number,
  fails10: number,
  p50: number | null,
  p95: number | null,
  p99: number | null,
  avg: number | null,
  min: number | null,
  max: number | null,
  avg_size: number | null,
];

export interface WireRun {
  state: string;
  host: string | null;
  users: number;
  target_users: number;
  users_by_class: Record<string, number>;
  spawn_rate: number;
  started: number | null;
  ended: number | null;
  run_time: number | null;
  cpu_percent: number;
  memory_bytes: number;
}

/** Percentiles over the last seconds of all requests together; a server may leave them out. */
export interface WireRecent {
  seconds: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface WireError {
  method: string;
  name: string;
  error: string;
  occurrences: number;
  first_seen: number;
  last_seen: number;
}

/** What one event of the stream carries: only what is new. */
export interface WireFrame {
  seq: number;
  /** The frame holds the changes after this number; 0 in a snapshot. */
  since: number;
  t: number;
  run: WireRun;
  names?: [id: number, method: string, name: string][];
  points?: WirePoint[];
  entries?: WireRow[];
  total: WireRow | null;
  recent?: WireRecent | null;
  errors?: WireError[];
}

/** Everything known about the run; what a frame adds to. */
export interface WireSnapshot extends WireFrame {
  boot: string;
  truncated?: Record<string, unknown> | null;
}

export interface WireTask {
  name: string;
  weight: number;
}

export interface WireUserClass {
  name: string;
  weight: number;
  fixed_count: number;
  host: string | null;
  tasks: WireTask[];
}

/** An option that the script has added to the command line. */
export interface WireOption {
  name: string;
  help: string | null;
  /** A flag's is a boolean; a secret's is not told. */
  value: string | number | boolean | null | (string | number)[];
  choices: string[];
  is_secret: boolean;
  is_required: boolean;
}

/** What the loaded script offers, and what was asked for on the command line. */
export interface WireAbout {
  version: string;
  boot: string;
  locustfile: string;
  host: string | null;
  shape: string | null;
  user_classes: WireUserClass[];
  defaults: { users: number | null; spawn_rate: number | null; run_time: number | string | null };
  options: WireOption[];
}

export interface WireStart {
  users: number;
  spawn_rate: number;
  host: string | null;
  run_time: string | null;
  user_classes: string[] | null;
  options: Record<string, string>;
}
