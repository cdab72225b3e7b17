/** How response times depend on load: one point for each stretch of a run. */
import type { Series } from "./series";

/** Seconds of a stretch. */
export const STRETCH = 10;

export interface Saturation {
  /** Ascending. */
  x: number[];
  /** The worst second's p95 of the stretch, in milliseconds. */
  p95: number[];
  /** When each stretch began, in seconds since the origin. */
  at: number[];
}

/** Points of p95 over requests per second, or over users. */
export function saturation(series: Series, against: "rate" | "users", origin: number): Saturation {
  const points: { x: number; p95: number; at: number }[] = [];
  const { step } = series;
  let from = 0;
  while (from < series.length) {
    const begin = Math.floor((series.time(from) - origin) / STRETCH);
    let to = from;
    let sum = 0;
    let p95 = Number.NaN;
    while (to < series.length && Math.floor((series.time(to) - origin) / STRETCH) === begin) {
      sum +=
        against === "users" ? series.value("users", to) : series.value("ok", to) + series.value("failed", to);
      const worst = series.value("p95", to);
      if (!Number.isNaN(worst)) p95 = Number.isNaN(p95) ? worst : Math.max(p95, worst);
      to += 1;
    }
    // The last stretch is not over.
    const whole = to < series.length || (to - from) * step >= STRETCH;
    if (whole && !Number.isNaN(p95)) points.push({ x: sum / (to - from), p95, at: begin * STRETCH });
    from = to;
  }
  points.sort((a, b) => a.x - b.x);
  return { x: points.map(({ x }) => x), p95: points.map(({ p95 }) => p95), at: points.map(({ at }) => at) };
}
