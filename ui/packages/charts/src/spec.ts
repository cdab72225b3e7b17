/** What distinguishes one chart from another. The drawing itself is the same for all: `chart.ts`. */
import { type Column, type Folded, format } from "@katydid/core";
import uPlot from "uplot";
import { fromZero, logRange, millisAxis, rateAxis, timeAxis, usersAxis, usersFromZero } from "./axis";
import { type Colour, type Palette, translucent } from "./palette";

/** One line as the reader sees it in the legend, the read-out and the table. */
export interface Line {
  label: string;
  column: Column;
  colour: Colour;
  /** Lengths of dash and gap in px; lines differ by it as well as by colour. */
  dash: number[];
  unit: string;
  write: (value: number | null) => string;
}

export interface Spec {
  title: string;
  lines: readonly Line[];
  /** Whether the value axis may be logarithmic. */
  canLog: boolean;
  /** Whether each line's name stands at its right end. */
  endLabels: boolean;
  /** The columns drawn, which differ from the lines where areas are stacked. */
  toData: (folded: Folded) => uPlot.AlignedData;
  /** Series, bands and axes of a theme. */
  dress: (palette: Palette, log: boolean) => Pick<uPlot.Options, "series" | "bands" | "axes" | "scales">;
}

const SOLID: number[] = [];

/** C1: requests per second, good and failed stacked, with the users on the right axis. */
export const throughput: Spec = {
  title: "Throughput and users",
  canLog: false,
  endLabels: false,
  lines: [
    { label: "OK", column: "ok", colour: "accent", dash: SOLID, unit: "req/s", write: perSecond },
    { label: "Failed", column: "failed", colour: "err", dash: SOLID, unit: "req/s", write: perSecond },
    { label: "Users", column: "users", colour: "users", dash: [6, 4], unit: "", write: format.count },
  ],
  toData: ({ x, columns: [ok = [], failed = [], users = []] }) => [x, stacked(ok, failed), ok, users],
  dress: (palette) => ({
    scales: { y: { range: fromZero }, users: { range: usersFromZero } },
    axes: [
      timeAxis(palette.muted, palette.grid),
      rateAxis(palette.muted, palette.grid),
      usersAxis(palette.muted, palette.grid),
    ],
    bands: [{ series: [1, 2], fill: translucent(palette.err, 0.55) }],
    series: [
      {},
      { scale: "y", stroke: palette.err, width: 1.25, points: { show: false } },
      {
        scale: "y",
        stroke: palette.accent,
        width: 1.5,
        fill: translucent(palette.accent, 0.16),
        points: { show: false },
      },
      {
        scale: "users",
        stroke: palette.users,
        width: 1.5,
        dash: [6, 4],
        points: { show: false },
        ...stepped(),
      },
    ],
  }),
};

/** C2: percentiles of each second. */
export const percentiles: Spec = {
  title: "Response time percentiles",
  canLog: true,
  endLabels: true,
  lines: [
    { label: "p50", column: "p50", colour: "p50", dash: SOLID, unit: "ms", write: format.millis },
    { label: "p90", column: "p90", colour: "p90", dash: [8, 3], unit: "ms", write: format.millis },
    { label: "p95", column: "p95", colour: "p95", dash: SOLID, unit: "ms", write: format.millis },
    { label: "p99", column: "p99", colour: "p99", dash: [3, 3], unit: "ms", write: format.millis },
  ],
  toData: ({ x, columns }) => [x, ...columns],
  dress: (palette, log) => ({
    scales: { y: log ? { distr: 3, log: 10, range: logRange } : { range: fromZero } },
    axes: [timeAxis(palette.muted, palette.grid), millisAxis(palette.muted, palette.grid, log)],
    series: [
      {},
      ...percentiles.lines.map(({ colour, dash }) => ({
        scale: "y",
        stroke: palette[colour],
        width: 1.5,
        dash,
        points: { show: false },
      })),
    ],
  }),
};

/** A single second has a whole count; the mean of several need not. */
function perSecond(value: number | null): string {
  return Number.isInteger(value) ? format.count(value) : format.rate(value);
}

function stepped(): Pick<uPlot.Series, "paths"> {
  const paths = uPlot.paths.stepped?.({ align: 1 });
  return paths === undefined ? {} : { paths };
}

function stacked(lower: readonly (number | null)[], upper: readonly (number | null)[]): (number | null)[] {
  return lower.map((value, index) => {
    const above = upper[index] ?? null;
    return value === null || above === null ? null : value + above;
  });
}

/** A log axis is worth it where the tail is this many times the middle (p99 over p50). */
const LOG_FROM = 20;

/** Once logarithmic, an axis stays so until the tail is this close to the middle again. */
const LOG_UNTIL = 10;

/** Whether percentile lines want a log axis, given whether they have one. */
export function wantsLog({ columns }: Folded, isLog: boolean): boolean {
  const middles = (columns[0] ?? []).filter((value) => value !== null).sort((a, b) => a - b);
  const tails = (columns.at(-1) ?? []).filter((value) => value !== null);
  const middle = middles[Math.floor(middles.length / 2)];
  if (middle === undefined || middle <= 0 || tails.length === 0) return isLog;
  const worst = tails.reduce((most, value) => Math.max(most, value), 0);
  return worst / middle > (isLog ? LOG_UNTIL : LOG_FROM);
}
