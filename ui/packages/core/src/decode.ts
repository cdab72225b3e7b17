/**
 * Turns the server's JSON into what the page works with.
 *
 * Method, name and error text are data: they are carried as values and never become object keys or
 * markup, so a name like `add_to_cart` or `<b>` reaches the screen as it was recorded.
 */
import { isRunState, type Recent, type Row, type Run } from "./run";
import type { WireFrame, WireRecent, WireRow, WireRun, WireSnapshot } from "./wire";

/** Why a reply could not be used. */
export class DecodeError extends Error {
  override name = "DecodeError";
}

/** The names of endpoints by the server's id. */
export type Names = ReadonlyMap<number, { method: string; name: string }>;

export function decodeRun(wire: WireRun): Run {
  if (!isRunState(wire.state)) throw new DecodeError(`unknown run state "${wire.state}"`);
  return {
    state: wire.state,
    revision: wire.revision,
    host: wire.host,
    users: wire.users,
    targetUsers: wire.target_users,
    usersByClass: new Map(Object.entries(wire.users_by_class)),
    spawnRate: wire.spawn_rate,
    started: wire.started,
    ended: wire.ended,
    runTime: wire.run_time,
    cpuPercent: wire.cpu_percent,
    memoryBytes: wire.memory_bytes,
    workers: wire.workers,
    rate: wire.rate ?? null,
    iterations: wire.iterations ?? null,
  };
}

export function decodeRow(wire: WireRow, names: Names): Row {
  const [id, requests, failures, rps, failsPerSecond, p50, p95, p99, avg, min, max, avgSize, ...due] = wire;
  const [response50 = null, response95 = null, response99 = null, lateness99 = null] = due;
  const { method, name } = names.get(id) ?? { method: "", name: "" };
  const counts = { id, method, name, requests, failures, rps, failsPerSecond };
  const times = { p50, p95, p99, avg, min, max, response50, response95, response99, lateness99 };
  return { ...counts, ...times, avgSize };
}

export function decodeRecent(wire: WireRecent | null | undefined): Recent | null {
  return wire ?? null;
}

/** Reads one event of the stream. */
export function parseFrame(text: string): WireFrame {
  const frame = parseObject(text);
  if (
    typeof frame.seq !== "number" ||
    typeof frame.since !== "number" ||
    typeof frame.t !== "number" ||
    !isObject(frame.run)
  ) {
    throw new DecodeError("a frame lacks seq, since, t or run");
  }
  return frame as unknown as WireFrame;
}

/** Reads the whole state of a run. */
export function parseSnapshot(text: string): WireSnapshot {
  const frame = parseFrame(text);
  if (typeof (frame as WireSnapshot).boot !== "string") throw new DecodeError("a snapshot lacks boot");
  return frame as WireSnapshot;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DecodeError("the reply is not JSON");
  }
  if (!isObject(value)) throw new DecodeError("the reply is not an object");
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
