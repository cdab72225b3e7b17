/** C6: how long the slowest part of all requests took, on an axis on which each nine takes as much room. */
import { format } from "@katydid/core";
import type uPlot from "uplot";
import { logRange, millisAxis, style } from "./axis";
import type { Dress } from "./graph";
import { translucent } from "./palette";

/** A part of all requests, and the milliseconds it stayed within. */
export type Part = readonly [part: number, ms: number];

/** The columns of a spectrum: `1 / (1 - part)`, and milliseconds. All of them stand twice as far as the last but one. */
export function spectrumData(parts: readonly Part[]): uPlot.AlignedData {
  const before = parts.findLast(([part]) => part < 1)?.[0] ?? 0;
  const x = parts.map(([part]) => 1 / (1 - (part < 1 ? part : (1 + before) / 2)));
  return [x, parts.map(([, ms]) => ms)];
}

/** The part of all requests that a place on the axis stands for, in per cent: 50, 99.9. */
export function partLabel(x: number): string {
  return `${Number((100 * (1 - 1 / x)).toPrecision(7))} %`;
}

export const spectrum: (onCursor: (index: number | null) => void) => Dress = (onCursor) => (palette) => ({
  legend: { show: false },
  padding: [10, 16, 0, 0],
  cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
  hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  scales: {
    x: { time: false, distr: 3, log: 10, range: (_plot, _min, max) => [1, Math.max(100, max ?? 100)] },
    y: { distr: 3, log: 10, range: logRange },
  },
  axes: [
    {
      ...style(palette.muted, palette.grid),
      size: 28,
      splits: (plot) => nines(plot.scales.x?.max ?? 100),
      filter: (_plot, splits) => splits,
      values: (_plot, splits) => splits.map(partLabel),
    },
    millisAxis(palette.muted, palette.grid, true),
  ],
  series: [
    {},
    {
      scale: "y",
      stroke: palette.accent,
      fill: translucent(palette.accent, 0.1),
      width: 1.75,
      points: { show: false },
    },
  ],
});

/** The places of 50 %, 90 %, 99 % and so on. */
function nines(max: number): number[] {
  const places = [2];
  for (let place = 10; place <= max * 1.001; place *= 10) places.push(place);
  return places;
}

/** The read-out of one place: "99 % within 182 ms". */
export function spectrumText(parts: readonly Part[], index: number): string {
  const found = parts[index];
  if (found === undefined) return "";
  const [part, ms] = found;
  return part === 1
    ? `all within ${format.time(ms)}`
    : `${partLabel(1 / (1 - part))} within ${format.time(ms)}`;
}
