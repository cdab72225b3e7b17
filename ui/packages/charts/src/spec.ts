/** What distinguishes one chart from another. The drawing itself is the same for all: `chart.ts`. */
import { type Column, type Folded, format } from "@katydid/core";
import uPlot from "uplot";
import {
  bytesAxis,
  fromZero,
  logRange,
  millisAxis,
  rateAxis,
  timeAxis,
  usersAxis,
  usersFromZero,
} from "./axis";
import { type Colour, type Palette, translucent } from "./palette";

/** One line as the reader sees it in the legend, the read-out and the table. */
export interface Line {
  label: string;
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
  /** So many of the first lines are stacked; they are drawn from the topmost sum to the lowest. */
  stacked: number;
  /** The columns drawn, which differ from the lines where areas are stacked. */
  toData: (folded: Folded) => uPlot.AlignedData;
  /** Series, bands and axes of a theme. */
  dress: (palette: Palette, log: boolean) => Pick<uPlot.Options, "series" | "bands" | "axes" | "scales">;
}

const SOLID: number[] = [];

/** A chart of the run's own seconds, and the columns of its lines. */
export interface RunSpec extends Spec {
  columns: readonly Column[];
}

/** C1: requests per second, good and failed stacked, with the users on the right axis. */
export const throughput: RunSpec = {
  title: "Throughput and users",
  columns: ["ok", "failed", "users"],
  stacked: 2,
  canLog: false,
  endLabels: false,
  lines: [
    { label: "OK", colour: "accent", dash: SOLID, unit: "req/s", write: perSecond },
    { label: "Failed", colour: "err", dash: SOLID, unit: "req/s", write: perSecond },
    { label: "Users", colour: "users", dash: [6, 4], unit: "", write: format.count },
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
export const percentiles: RunSpec = {
  title: "Response time percentiles",
  columns: ["p50", "p90", "p95", "p99"],
  stacked: 0,
  canLog: true,
  endLabels: true,
  lines: [
    { label: "p50", colour: "p50", dash: SOLID, unit: "ms", write: format.millis },
    { label: "p90", colour: "p90", dash: [8, 3], unit: "ms", write: format.millis },
    { label: "p95", colour: "p95", dash: SOLID, unit: "ms", write: format.millis },
    { label: "p99", colour: "p99", dash: [3, 3], unit: "ms", write: format.millis },
  ],
  ...times(() => percentiles.lines),
};

/** Percentiles of one endpoint, or of all, as its own course tells them. */
export const endpointTimes: Spec = {
  ...percentiles,
  lines: percentiles.lines.filter(({ label }) => label !== "p90"),
  ...times(() => endpointTimes.lines),
};

/** C3: users wanted and users there are. */
export const users: RunSpec = {
  title: "Users",
  columns: ["target", "users"],
  stacked: 0,
  canLog: false,
  endLabels: false,
  lines: [
    { label: "Wanted", colour: "users", dash: [6, 4], unit: "", write: format.count },
    { label: "Running", colour: "accent", dash: SOLID, unit: "", write: format.count },
  ],
  toData: ({ x, columns }) => [x, ...columns],
  dress: (palette) => ({
    scales: { y: { range: usersFromZero } },
    axes: [timeAxis(palette.muted, palette.grid), rateAxis(palette.muted, palette.grid)],
    series: [
      {},
      { scale: "y", stroke: palette.users, width: 1.5, dash: [6, 4], points: { show: false }, ...stepped() },
      {
        scale: "y",
        stroke: palette.accent,
        fill: translucent(palette.accent, 0.12),
        width: 1.5,
        points: { show: false },
        ...stepped(),
      },
    ],
  }),
};

/** C18: iterations that a rate asks for, and what became of them. */
export const arrivals: RunSpec = {
  title: "Iterations",
  columns: ["due", "begun", "late", "dropped"],
  stacked: 0,
  canLog: false,
  endLabels: false,
  lines: [
    { label: "Due", colour: "users", dash: [6, 4], unit: "/s", write: perSecond },
    { label: "Begun", colour: "accent", dash: SOLID, unit: "/s", write: perSecond },
    { label: "Late", colour: "warn", dash: [3, 3], unit: "/s", write: perSecond },
    { label: "Dropped", colour: "err", dash: SOLID, unit: "/s", write: perSecond },
  ],
  toData: ({ x, columns }) => [x, ...columns],
  dress: (palette) => ({
    scales: { y: { range: fromZero } },
    axes: [timeAxis(palette.muted, palette.grid), rateAxis(palette.muted, palette.grid)],
    series: [
      {},
      ...arrivals.lines.map(({ colour, dash }) => ({
        scale: "y",
        stroke: palette[colour],
        width: 1.5,
        dash,
        points: { show: false },
      })),
    ],
  }),
};

/** C19: how long after they were due iterations begin. */
export const startLateness: RunSpec = {
  title: "Start lateness",
  columns: ["start50", "start99", "startMax"],
  stacked: 0,
  canLog: true,
  endLabels: true,
  lines: [
    { label: "p50", colour: "p50", dash: SOLID, unit: "ms", write: format.millis },
    { label: "p99", colour: "p99", dash: [3, 3], unit: "ms", write: format.millis },
    { label: "Max", colour: "err", dash: SOLID, unit: "ms", write: format.millis },
  ],
  ...times(() => startLateness.lines),
};

/** C9: responses by the first digit of their status. */
export const statuses: Spec = area("Responses by status", "resp/s", [
  ["2xx", "ok"],
  ["3xx", "users"],
  ["4xx", "warn"],
  ["5xx", "err"],
  ["none", "p99"],
]);

/** C13: where the time of a request goes, in the mean. */
export const phases: Spec = area("Time by phase, mean", "ms", [
  ["blocked", "users"],
  ["redirects", "p99"],
  ["dns", "p50"],
  ["connect", "p95"],
  ["tls", "warn"],
  ["send", "ok"],
  ["wait", "accent"],
  ["receive", "err"],
]);

/** C12: bytes in and out. */
export const transfer: Spec = {
  title: "Data transfer",
  stacked: 0,
  canLog: false,
  endLabels: false,
  lines: [
    { label: "In", colour: "accent", dash: SOLID, unit: "per second", write: format.bytes },
    { label: "Out", colour: "p99", dash: [8, 3], unit: "per second", write: format.bytes },
  ],
  toData: ({ x, columns }) => [x, ...columns],
  dress: (palette) => ({
    scales: { y: { range: fromZero } },
    axes: [timeAxis(palette.muted, palette.grid), bytesAxis(palette.muted, palette.grid)],
    series: [
      {},
      { scale: "y", stroke: palette.accent, width: 1.5, points: { show: false } },
      { scale: "y", stroke: palette.p99, width: 1.5, dash: [8, 3], points: { show: false } },
    ],
  }),
};

/** Requests of one endpoint per second. */
export const endpointRate: Spec = area("Throughput", "req/s", [
  ["OK", "accent"],
  ["Failed", "err"],
]);

/** Areas on top of each other, the first at the bottom. */
export function area(title: string, unit: string, parts: readonly (readonly [string, Colour])[]): Spec {
  return {
    title,
    stacked: parts.length,
    canLog: false,
    endLabels: false,
    lines: parts.map(([label, colour]) => ({ label, colour, dash: SOLID, unit, write: format.significant })),
    toData: ({ x, columns }) => {
      const sums: (number | null)[][] = [];
      for (const column of columns) {
        const below = sums.at(-1);
        sums.push(below === undefined ? column : stacked(below, column));
      }
      return [x, ...sums.reverse()];
    },
    dress: (palette) => {
      const colours = parts.map(([, colour]) => palette[colour]).reverse();
      return {
        scales: { y: { range: fromZero } },
        axes: [timeAxis(palette.muted, palette.grid), rateAxis(palette.muted, palette.grid)],
        bands: colours.slice(0, -1).map((colour, index) => ({
          series: [index + 1, index + 2] as [number, number],
          fill: translucent(colour, 0.5),
        })),
        series: [
          {},
          ...colours.map((colour, index) => ({
            scale: "y",
            stroke: colour,
            width: 1,
            points: { show: false },
            ...(index === colours.length - 1 ? { fill: translucent(colour, 0.5) } : {}),
          })),
        ],
      };
    },
  };
}

/** Lines of times on one axis. */
function times(lines: () => readonly Line[]): Pick<Spec, "toData" | "dress"> {
  return {
    toData: ({ x, columns }) => [x, ...columns],
    dress: (palette, log) => ({
      scales: { y: log ? { distr: 3, log: 10, range: logRange } : { range: fromZero } },
      axes: [timeAxis(palette.muted, palette.grid), millisAxis(palette.muted, palette.grid, log)],
      series: [
        {},
        ...lines().map(({ colour, dash }) => ({
          scale: "y",
          stroke: palette[colour],
          width: 1.5,
          dash,
          points: { show: false },
        })),
      ],
    }),
  };
}

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
