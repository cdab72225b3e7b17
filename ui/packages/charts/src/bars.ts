/** C7: how many requests took how long, in steps that grow with the time. */
import { format } from "@katydid/core";
import uPlot from "uplot";
import { fromZero, rateAxis, style, tick } from "./axis";
import type { Dress } from "./graph";
import { translucent } from "./palette";

/** Steps for each doubling of the time. */
const STEPS = 4;

/** Requests that took up to a time: the upper end in milliseconds, and how many. */
export type Bar = readonly [upperMs: number, ok: number, failed: number];

/** Columns of bars without holes: place, all, and good ones alone, which are drawn over all. */
export function barsData(bars: readonly Bar[]): uPlot.AlignedData {
  const places = bars.map(([upper]) => placeOf(upper));
  const first = places[0] ?? 0;
  const last = places.at(-1) ?? first;
  const x = Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  const at = new Map(bars.map((bar, index) => [places[index], bar]));
  const ok = x.map((place) => at.get(place)?.[1] ?? 0);
  return [x, x.map((place, index) => (ok[index] ?? 0) + (at.get(place)?.[2] ?? 0)), ok];
}

function placeOf(upperMs: number): number {
  return Math.round(Math.log2(Math.max(upperMs * 1000, 1)) * STEPS);
}

/** The upper end of a place, in milliseconds. */
function upperMs(place: number): number {
  return 2 ** (place / STEPS) / 1000;
}

export const bars: (onCursor: (index: number | null) => void) => Dress = (onCursor) => (palette) => {
  const paths = uPlot.paths.bars?.({ size: [0.92, 60] });
  const bar = (colour: string, fill: string) => ({
    scale: "y",
    stroke: colour,
    fill,
    width: 1,
    points: { show: false },
    ...(paths === undefined ? {} : { paths }),
  });
  return {
    legend: { show: false },
    padding: [10, 16, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
    scales: {
      x: { time: false, range: (_plot, min, max) => [(min ?? 0) - 0.6, (max ?? 1) + 0.6] },
      y: { range: fromZero },
    },
    axes: [
      {
        ...style(palette.muted, palette.grid),
        grid: { show: false },
        size: 28,
        space: 44,
        incrs: [STEPS, STEPS * 2, STEPS * 4, STEPS * 8],
        values: (_plot, splits) => splits.map((place) => tick(Number(upperMs(place).toPrecision(2)))),
      },
      rateAxis(palette.muted, palette.grid),
    ],
    series: [{}, bar(palette.err, translucent(palette.err, 0.55)), bar(palette.accent, palette.accent)],
  };
};

/** The read-out of one bar: "up to 12.0 ms: 1,204 requests, 3 failed". */
export function barText(all: readonly Bar[], index: number): string {
  const [x, sums] = barsData(all);
  const place = x[index];
  if (place === undefined) return "";
  const total = sums?.[index] ?? 0;
  const failed = all.find(([upper]) => placeOf(upper) === place)?.[2] ?? 0;
  return `up to ${format.time(upperMs(place))}: ${format.count(total)} requests, ${format.count(failed)} failed`;
}
