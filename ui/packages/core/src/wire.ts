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
  /** Seconds that it covers; the same for all where it is not told. */
  seconds?: number | null,
  /** Iterations; kept runs do not tell. */
  iterations?: [
    /** Those that became due by a rate, that have begun, those of them that were late, and dropped ones. */
    due: number,
    begun: number,
    late: number,
    dropped: number,
    /** Milliseconds from due to begun, where iterations are due by a rate. */
    start_p50: number | null,
    start_p99: number | null,
    start_max: number | null,
  ],
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
  /** From when requests were due. Stretches of kept runs do not tell. */
  response_p50?: number | null,
  response_p95?: number | null,
  response_p99?: number | null,
  /** The part of it that is the generator's own. */
  lateness_p99?: number | null,
];

export interface WireRun {
  /** Also `paused`, which Locust does not know. */
  state: string;
  /** Grows with every change of what is wanted; commands may name the one they rest on. */
  revision: number;
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
  /** Requests under way; those of this process only. */
  in_flight: number;
  /** How long the oldest of them has been waiting, in milliseconds. */
  oldest_ms: number | null;
  open_files: number | null;
  file_limit: number | null;
  /** Null where the users run in this process. */
  workers: { connected: number; missing: number } | null;
  /** Where load is given as a rate of iterations, and not as a number of users. */
  rate?: { text: string; now: number; since: number; most_users: number | null } | null;
  iterations?: {
    due: number;
    started: number;
    finished: number;
    late: number;
    dropped: number;
    /** Due, and no user is free yet. */
    waiting: number;
    /** Milliseconds from due to begun. */
    lateness_p50: number | null;
    lateness_p99: number | null;
    lateness_max: number | null;
  };
}

/** Something that happened besides requests. */
export interface WireMark {
  id: number;
  /** Epoch milliseconds. */
  t: number;
  kind: string;
  text: string;
  by: string | null;
}

/** Load of a worker that was given up: what it did from its last report on is not counted. */
export interface WireLost {
  worker: string;
  users: number;
  /** Its last report, and when it was given up, in milliseconds since the Unix epoch. */
  from: number;
  until: number;
  /** About how many requests. */
  requests: number;
}

/** A condition under which a run has failed, and how this one stands by it. */
export interface WireThreshold {
  text: string;
  standing: "unmeasured" | "kept" | "near" | "crossed";
  metric:
    | "percentile"
    | "mean"
    | "min"
    | "max"
    | "rps"
    | "fail_ratio"
    | "failures"
    | "requests"
    | "iterations"
    | "late"
    | "late_ratio"
    | "dropped"
    | "dropped_ratio";
  /** Which of a request's times is compared; service time if it is not told. */
  clock?: "service" | "response" | "lateness";
  /** Of a percentile: 0.95 for p95. */
  part: number | null;
  /** Milliseconds, requests per second, a part of one or a count. */
  limit: number;
  /** Whether what is measured is to stay below. */
  ceiling: boolean;
  /** Whether it is about all requests. */
  all: boolean;
  value: number | null;
  /** The value in words. */
  shown: string;
  /** Epoch milliseconds. */
  first_crossed: number | null;
  crossed_seconds: number;
  /** When it was added, if that was while the run went on. */
  added: number | null;
}

/** Something that is wrong with the generator. */
export interface WireHealth {
  level: "warning" | "error";
  code: string;
  text: string;
  /** Epoch milliseconds. */
  since: number;
  /** Of a kept run: until when; null if to its end. */
  until?: number | null;
}

/** Percentiles over the last seconds of all requests together; a server may leave them out. */
export interface WireRecent {
  seconds: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
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
  /** Failures in short. */
  faults: { kinds: number; last: number | null };
  /** All marks of the run, when there are new ones. */
  marks?: WireMark[];
  /** All that is wrong now. */
  health?: WireHealth[];
  /** What the run is judged by. */
  thresholds?: WireThreshold[];
  /** What workers that are gone have not told. */
  lost?: WireLost[];
}

/** Everything known about the run; what a frame adds to. */
export interface WireSnapshot extends WireFrame {
  boot: string;
  truncated?: Record<string, unknown> | null;
  /** Seconds of a point; one where it is not told. */
  step?: number;
}

/** `GET api/v1/runs/{id}/snapshot?from=&to=`: a kept run, or a stretch of it. */
export interface WireKeptSnapshot extends WireSnapshot {
  kept: WireKeptRun;
  /** Whether nothing about it changes any more. */
  settled: boolean;
  /** The first second of the Unix epoch that is in it, and the first one after it. */
  from: number;
  to: number;
  /** The same of all of the run. */
  span: [from: number, to: number];
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
  /** Who asks; null where visitors are not asked who they are. */
  visitor?: { name: string; role: "viewer" | "operator" } | null;
  version: string;
  boot: string;
  locustfile: string;
  host: string | null;
  shape: string | null;
  /** Seconds and users at their end, where no shape of the script decides. */
  stages: [seconds: number, users: number][] | null;
  /** Tags of tasks: all there are, those that one of is needed, and those that none of is wanted. */
  tags: { known: string[]; only: string[]; without: string[] };
  user_classes: WireUserClass[];
  defaults: { users: number | null; spawn_rate: number | null; run_time: number | string | null };
  options: WireOption[];
}

export interface WireStart {
  /** Null where stages decide. */
  users: number | null;
  spawn_rate: number | null;
  /** An empty list for none. */
  stages: [seconds: number, users: number][];
  /** Left out where the script has none. */
  tags?: string[];
  exclude_tags?: string[];
  host: string | null;
  run_time: string | null;
  user_classes: string[] | null;
  options: Record<string, string>;
}

/** One part of the way of requests, in milliseconds. */
export interface WirePhase {
  name: "blocked" | "redirects" | "dns" | "connect" | "tls" | "send" | "wait" | "receive";
  /** Requests that had this part: only those on a new connection have dns, connect and tls. */
  count: number;
  sum_ms: number;
  max_ms: number;
}

export type WireEndpointPoint = [
  t: number,
  ok: number,
  failed: number,
  p50: number | null,
  p95: number | null,
  p99: number | null,
  bytes_in: number,
  bytes_out: number,
  /** Responses by the first digit of their status: none, 1xx to 5xx. */
  statuses: [none: number, c1: number, c2: number, c3: number, c4: number, c5: number],
  /** Milliseconds of each phase of all requests together, in the order of `phases`. */
  phases: number[],
  /** Seconds that it covers; those of a step where it is not told. */
  seconds?: number,
];

/** `GET api/v1/endpoints/{id}`; the total's id is -1. */
export interface WireEndpoint {
  id: number;
  method: string;
  name: string;
  requests: number;
  failures: number;
  bytes_in: number;
  bytes_out: number;
  /** When the last request was complete, epoch milliseconds. */
  last: number | null;
  /** Ascending; code 0 counts what got no response. */
  statuses: [code: number, count: number][];
  phases: WirePhase[];
  /** Ascending, of all requests: the part, and milliseconds that it stayed within. */
  percentiles: [part: number, ms: number][];
  /** Ascending; the upper end in milliseconds and how many fell in. */
  histogram: [upper_ms: number, ok: number, failed: number][];
  /** Null where too many names are told apart. A point covers `step` seconds; those without requests are left out. */
  series: { step: number; points: WireEndpointPoint[] } | null;
}

/** `GET api/v1/heat` */
export interface WireHeat {
  /** Seconds of a column. */
  step: number;
  bars_per_doubling: number;
  /** The oldest first; a bar holds the times up to `2 ** (bar / bars_per_doubling)` microseconds. */
  columns: [t: number, cells: [bar: number, count: number][]][];
}

/** One failed request, its secrets hidden. */
export interface WireSample {
  /** Epoch milliseconds. */
  t: number;
  worker: string;
  method: string;
  url: string;
  /** Null without a response. */
  status: number | null;
  error: string;
  duration_ms: number;
  request_headers: [name: string, value: string][];
  response_headers: [name: string, value: string][];
  /** The first kibibyte of the response's body, as text. */
  body: string;
  body_bytes: number;
}

/** Failures that differ only in numbers, ids, addresses and quoted parts. */
export interface WireFault {
  id: number;
  method: string;
  name: string;
  /** http 4xx, http 5xx, timeout, connect, dns, tls, reset, check or exception. */
  kind: string;
  /** The message with `<n>`, `<id>`, `<addr>` and `<text>` where messages differ. */
  pattern: string;
  /** The most frequent of the messages with their counts, and how many there are. */
  texts: [text: string, count: number][];
  variants: number;
  count: number;
  first_seen: number;
  last_seen: number;
  /** Empty where the users run in this process. */
  workers: Record<string, number>;
  samples: WireSample[];
}

/** `GET api/v1/runs/{id}/window?from=&to=`: what was counted in some seconds of a run. */
export interface WireWindow {
  from: number;
  to: number;
  names: [id: number, method: string, name: string][];
  total: WireRow;
  entries: WireRow[];
  errors: { method: string; name: string; kind: string; pattern: string; count: number }[];
  /** As an endpoint's. */
  histogram: [upper_ms: number, ok: number, failed: number][];
}

/** A run that is kept. */
export interface WireKeptRun {
  id: string;
  started: number;
  ended: number;
  state: "running" | "finished" | "interrupted";
  result: "running" | "finished" | "interrupted" | "passed" | "failed";
  is_current: boolean;
  is_pinned: boolean;
  /** What people call it; null for what the script is called. */
  title: string | null;
  notes: string;
  tags: string[];
  /** The run of the same script that others are compared with, if there is one. */
  baseline: string | null;
  about: {
    name?: string;
    host?: string | null;
    users?: number;
    peak_users?: number;
    spawn_rate?: number;
    /** Seconds. */
    run_time?: number | null;
    user_classes?: string[];
    shape?: string | null;
    tags?: string[] | null;
    exclude_tags?: string[] | null;
    script_sha256?: string;
    version?: string;
    python?: string;
    machine?: string;
    system?: string;
    cores?: number | null;
    thresholds?: { text: string; standing: string; measured: string }[];
  };
  total?: { seconds: number; row: WireRow };
}

/** What people have said about a run. */
export interface WireLabel {
  /** Empty for none. */
  title: string;
  notes: string;
  tags: string[];
  /** Whether later runs of the same script are compared with it. */
  baseline: boolean;
}

/** `GET api/v1/runs` */
export interface WireRuns {
  runs: WireKeptRun[];
  /** How many runs are kept, how many bytes they may take and take now, and which go when another one begins. */
  retention: { runs: number; bytes: number; used: number; going: string[] };
}

export type WireVerdict = "worse" | "better" | "within_noise" | "unknown";

export interface WireDifference {
  measure: "rps" | "p50" | "p95" | "p99" | "mean" | "fail_ratio";
  before: number | null;
  after: number | null;
  /** The bounds of after less before. */
  interval: [number, number] | null;
  verdict: WireVerdict;
}

export interface WireCompared {
  method: string;
  /** Null for all requests. */
  name: string | null;
  requests: [before: number, after: number];
  differences: WireDifference[];
  verdict: WireVerdict;
}

/** `GET api/v1/compare` */
export interface WireComparison {
  before: WireKeptRun;
  after: WireKeptRun;
  verdict: WireVerdict;
  warnings: string[];
  total: WireCompared;
  entries: WireCompared[];
}

/** `GET tasks`, which is Locust's: how often each is chosen. */
export interface WireTaskRatios {
  per_class: Record<string, WireTaskRatio>;
  total: Record<string, WireTaskRatio>;
}

export interface WireTaskRatio {
  ratio: number;
  tasks?: Record<string, WireTaskRatio>;
}

/** One of `GET exceptions`, which is Locust's: what a script did not catch. */
export interface WireException {
  count: number;
  msg: string;
  traceback: string;
  /** The workers, with commas between them. */
  nodes: string;
}

/** `GET api/v1/errors` */
export interface WireFaults {
  t: number;
  errors: WireFault[];
  /** Failures of kinds that are not told apart. */
  others: number;
}

/** `GET api/v1/errors/course` */
export interface WireFailures {
  kinds: string[];
  /** Seconds of a point; those without failures are left out. */
  step: number;
  /** The last second that is known. */
  until: number | null;
  points: [t: number, counts: number[]][];
}

export type WireMember = [
  index: number,
  users: number,
  rps: number,
  cpu_percent: number,
  memory_bytes: number | null,
  /** Milliseconds; null without requests. */
  lateness_p99: number | null,
];

/** `GET api/v1/workers/course` */
export interface WireCrew {
  /** The workers by their index. */
  ids: Record<string, string>;
  step: number;
  points: [t: number, members: WireMember[]][];
}

export interface WireWorker {
  id: string;
  index: number;
  host: string;
  state: string;
  users: number;
  users_by_class: Record<string, number>;
  cpu_percent: number;
  memory_bytes: number;
  /** Requests per second of its last report. */
  rps: number;
  /** Seconds since it was heard of; null for this process itself. */
  heartbeat_age: number | null;
  version: string | null;
  precision: "exact" | "two digits";
  clock_offset_ms: number | null;
  in_flight: number | null;
  oldest_ms: number | null;
  open_files: number | null;
  file_limit: number | null;
}

/** `GET api/v1/workers` */
export interface WireWorkers {
  t: number;
  workers: WireWorker[];
}

export interface WireLogLine {
  seq: number;
  /** Epoch milliseconds. */
  t: number;
  level: string;
  /** A worker's id; empty for this process. */
  source: string;
  logger: string;
  text: string;
}

/** `GET api/v1/logs?after=` */
export interface WireLogs {
  lines: WireLogLine[];
  /** What to ask for next. */
  next: number;
  /** Lines after the one asked for that are kept no longer. */
  dropped: number;
}

/** What every command may hold besides its own fields. */
export interface WireCommand {
  /** The same command with the same id is carried out once. */
  id?: string;
  /** `WireRun.revision` of the state it rests on; 409 if that is no longer the present one. */
  revision?: number;
}

/** `POST api/v1/load`; what is left out stays. */
export interface WireLoad extends WireCommand {
  users?: number;
  spawn_rate?: number;
  run_time?: string | number;
  /** Names, or weights by name; 0 for none of a class. */
  user_classes?: string[] | Record<string, number>;
}

/** `POST api/v1/stop` */
export interface WireStop extends WireCommand {
  mode?: "now" | "finish";
  /** Seconds that tasks get to end with `finish`. */
  timeout?: number;
}

/** What a command answers: with 200, or with an error status. */
export type WireAnswer =
  | { ok: true; revision: number }
  | { error: { field: string | null; message: string }; run?: WireRun };
