/**
 * How fresh the page's data is, as a pure state machine.
 *
 * Fed with what happened and the time of it; a clock ticks in from outside. The page shows what
 * `view` says: live, stale or lost.
 */

/** Data older than this is stale: two and a half frames. */
export const STALE_MS = 2_500;

/** An idle controller only sends a heartbeat, every 2 s. */
export const IDLE_STALE_MS = 4_500;

/** Silence longer than this means that contact is lost. */
export const LOST_MS = 10_000;

/** A closed stream has this long to come back by itself before contact counts as lost. */
export const CLOSED_LOST_MS = 4_000;

export interface Link {
  /** When something last arrived; null before the first time. */
  heardAt: number | null;
  /** When the stream closed; null while it is open. */
  closedAt: number | null;
  /** When the page first tried, so that "never answered" also gets old. */
  since: number;
}

export type LinkView =
  | { kind: "connecting" }
  | { kind: "live"; age: number }
  | { kind: "stale"; age: number }
  | { kind: "lost"; age: number };

export function newLink(now: number): Link {
  return { heardAt: null, closedAt: null, since: now };
}

/** Something arrived. */
export function heard(link: Link, now: number): Link {
  return { ...link, heardAt: now, closedAt: null };
}

/** The stream closed. */
export function closed(link: Link, now: number): Link {
  return link.closedAt === null ? { ...link, closedAt: now } : link;
}

/** What to show at `now`; `active` is whether a run is under way, when frames come every second. */
export function view(link: Link, now: number, active: boolean): LinkView {
  const age = Math.max(0, now - (link.heardAt ?? link.since));
  const closedFor = link.closedAt === null ? 0 : now - link.closedAt;
  if (age > LOST_MS || closedFor > CLOSED_LOST_MS) return { kind: "lost", age };
  if (link.heardAt === null) return { kind: "connecting" };
  if (age > (active ? STALE_MS : IDLE_STALE_MS)) return { kind: "stale", age };
  return { kind: "live", age };
}
