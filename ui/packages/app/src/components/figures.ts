/** The headline numbers, in the scope that fits: the last seconds while running, else the whole run. */
import { failRatio, format, isActive, type Recent, type Row, type Run } from "@katydid/core";
import { useLive, useView } from "../live/hooks";
import { type Range, useRange } from "../live/range";

/** What the headline numbers are taken from. */
export interface Scope {
  run: Run;
  total: Row | null;
  recent: Recent | null;
  active: boolean;
  /** The stretch of the run that is chosen; null for all of it. */
  range: Range | null;
  /** The most users there were. */
  peak: number;
}

export interface Figure {
  id: "users" | "rps" | "failures" | "p50" | "p95" | "p99" | "late" | "dropped";
  label: string;
  parts: format.Parts;
  /** A second number after a slash. */
  of?: string;
  tone?: "warn" | "err";
}

export function useScope(): Scope {
  const { store } = useLive();
  const run = useView((view) => view.run);
  const total = useView((view) => view.total);
  const recent = useView((view) => view.recent);
  if (run === null) throw new Error("there is no run to take figures from");
  const range = useRange();
  const active = isActive(run.state);
  // Asked for only where it is shown: it looks at every point.
  const peak = active ? run.users : store.model.series.max("users");
  if (range?.counted) {
    return { run, total: range.counted.total, recent: null, active, range, peak };
  }
  return { run, total, recent, active, range: null, peak };
}

/** The span a figure covers. While users run, their number is that of the moment and needs none. */
export function scopeLabel({ active, recent, range }: Scope, id: Figure["id"]): string {
  if (range !== null && id !== "users" && id !== "late" && id !== "dropped") return "range";
  if (id === "users") return active ? "" : "peak";
  if (id === "late" || id === "dropped") return "run";
  if (!active) return "run";
  if (id === "rps" || id === "failures") return "10 s";
  return recent === null ? "run" : `${recent.seconds} s`;
}

/** Failures at or above this share of requests are shown in red. */
const BAD_RATIO = 0.01;

export function figures(scope: Scope): Figure[] {
  return [users(scope), rps(scope), failures(scope), percentile(scope, "p95")];
}

/** All figures, for the tiles of the overview. */
export function allFigures(scope: Scope): Figure[] {
  return [
    rps(scope),
    failures(scope),
    percentile(scope, "p50"),
    percentile(scope, "p95"),
    percentile(scope, "p99"),
    users(scope),
    ...iterations(scope),
  ];
}

/** Where a rate asks for iterations: how many were not begun when due. */
function iterations({ run }: Scope): Figure[] {
  const all = run.iterations;
  if (run.rate === null || all === null) return [];
  const figure = (id: "late" | "dropped", label: string, value: number): Figure => ({
    id,
    label,
    parts: { text: format.count(value), unit: "" },
    ...(value > 0 ? { tone: id === "late" ? ("warn" as const) : ("err" as const) } : {}),
  });
  return [figure("late", "Late", all.late), figure("dropped", "Dropped", all.dropped)];
}

function users({ run, active, peak }: Scope): Figure {
  const parts = { text: format.count(peak), unit: "" };
  const short = run.state === "running" && run.users < run.targetUsers;
  return {
    id: "users",
    label: "Users",
    parts,
    ...(active ? { of: format.count(run.targetUsers) } : {}),
    ...(short ? { tone: "warn" as const } : {}),
  };
}

function rps({ run, total, active, range }: Scope): Figure {
  const value = active || range !== null ? total?.rps : wholeRate(run, total);
  return { id: "rps", label: "RPS", parts: { text: format.rate(value), unit: "" } };
}

function failures({ total, active }: Scope): Figure {
  const ratio =
    total === null
      ? null
      : active
        ? failRatio(total.rps, total.failsPerSecond)
        : failRatio(total.requests, total.failures);
  const text = format.percent(ratio);
  return {
    id: "failures",
    label: "Fail",
    parts: { text, unit: ratio === null ? "" : "%" },
    ...(ratio !== null && ratio >= BAD_RATIO ? { tone: "err" as const } : {}),
  };
}

function percentile({ total, recent, active }: Scope, id: "p50" | "p95" | "p99"): Figure {
  const source = active && recent !== null ? recent : total;
  return { id, label: id, parts: format.timeParts(source?.[id]) };
}

function wholeRate({ started, ended }: Run, total: Row | null): number | null {
  if (started === null || ended === null || total === null || ended <= started) return null;
  return (total.requests * 1000) / (ended - started);
}
