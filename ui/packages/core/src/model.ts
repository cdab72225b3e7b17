/**
 * The run as the page knows it: a snapshot, and every frame since.
 *
 * No timers and no drawing; each `apply` leaves new values where something changed and the old ones
 * where nothing did, so a reader can compare by identity.
 */
import { decodeRecent, decodeRow, decodeRun } from "./decode";
import { type Recent, type Row, type Run, TOTAL_ID } from "./run";
import { Series } from "./series";
import type { WireFrame, WireHealth, WireLost, WireMark, WireRow, WireSnapshot, WireThreshold } from "./wire";

const NO_FAULTS = { kinds: 0, last: null };

export class Model {
  /** Names one life of the controller; null before the first snapshot. */
  boot: string | null = null;
  /** Server time of the newest data, epoch milliseconds. */
  time = 0;
  run: Run | null = null;
  total: Row | null = null;
  recent: Recent | null = null;
  rows: readonly Row[] = [];
  /** How many kinds of failure there are, and when the last failure was. */
  faults: WireFrame["faults"] = NO_FAULTS;
  /** What is wrong with the generator now, the worst first. */
  health: readonly WireHealth[] = [];
  /** What happened besides requests, the oldest first. */
  marks: readonly WireMark[] = [];
  /** What the run is judged by. */
  thresholds: readonly WireThreshold[] = [];
  /** Load of workers that are gone, of which nothing is known. */
  lost: readonly WireLost[] = [];
  /** What the server left out, in its own words. */
  truncated: string | null = null;
  /** Goes up whenever points arrive. */
  seriesVersion = 0;
  readonly series = new Series();

  #seq = -1;
  #names = new Map<number, { method: string; name: string }>();
  #byId = new Map<number, Row>();

  /** Starts over from a whole state. */
  load(snapshot: WireSnapshot): void {
    this.boot = snapshot.boot;
    this.#seq = -1;
    this.#names = new Map();
    this.#byId = new Map();
    this.rows = [];
    this.faults = NO_FAULTS;
    this.health = [];
    this.marks = [];
    this.thresholds = [];
    this.lost = [];
    this.truncated = truncation(snapshot.truncated);
    this.series.clear(snapshot.step ?? 1);
    this.seriesVersion += 1;
    this.#take(snapshot);
  }

  /**
   * Adds a frame; one that is not newer than what is known is ignored. False if changes between the
   * two are missing, when only a snapshot helps.
   */
  apply(frame: WireFrame): boolean {
    if (frame.seq <= this.#seq) return true;
    if (frame.since > this.#seq) return false;
    this.#take(frame);
    return true;
  }

  /** The epoch second that charts call 0. */
  get origin(): number {
    const started = this.run?.started ?? null;
    const first = this.series.length > 0 ? this.series.time(0) : Number.POSITIVE_INFINITY;
    return Math.min(first, started === null ? Number.POSITIVE_INFINITY : Math.floor(started / 1000));
  }

  #take(frame: WireFrame): void {
    const run = decodeRun(frame.run);
    this.#seq = frame.seq;
    this.time = frame.t;
    this.run = run;
    for (const [id, method, name] of frame.names ?? []) this.#names.set(id, { method, name });
    this.total = frame.total === null ? null : decodeRow(frame.total, this.#names);
    this.recent = decodeRecent(frame.recent);
    this.#addRows(frame.entries ?? []);
    if (frame.health !== undefined) this.health = frame.health;
    if (frame.marks !== undefined) this.marks = frame.marks;
    if (frame.thresholds !== undefined) this.thresholds = frame.thresholds;
    if (frame.lost !== undefined) this.lost = frame.lost;
    const { kinds, last } = frame.faults;
    if (kinds !== this.faults.kinds || last !== this.faults.last) this.faults = frame.faults;
    if (frame.points !== undefined && frame.points.length > 0) {
      this.series.add(frame.points);
      this.seriesVersion += 1;
    }
  }

  #addRows(entries: readonly WireRow[]): void {
    if (entries.length === 0) return;
    for (const entry of entries) {
      if (entry[0] !== TOTAL_ID) this.#byId.set(entry[0], decodeRow(entry, this.#names));
    }
    this.rows = [...this.#byId.values()];
  }
}

function truncation(reported: Record<string, unknown> | null | undefined): string | null {
  if (reported === null || reported === undefined) return null;
  return Object.entries(reported)
    .map(([what, left]) => `${what}: ${String(left)}`)
    .join(", ");
}
