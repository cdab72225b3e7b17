/** Two runs on one chart: the one before dashed and grey, the one after in colour. */
import type { Folded } from "@katydid/core";
import { format } from "@katydid/core";
import type uPlot from "uplot";
import { fromZero, logRange, millisAxis, rateAxis, timeAxis } from "./axis";
import type { Dress } from "./graph";
import type { Palette } from "./palette";
import type { Line, Spec } from "./spec";
import { type Part, spectrum, spectrumData } from "./spectrum";

const DASH = [6, 4];

/** One measure of two runs over the time since each began. */
export function pairOf(
  title: string,
  unit: string,
  canLog: boolean,
  write: (value: number | null) => string,
): Spec {
  const lines: readonly Line[] = [
    { label: "Before", colour: "users", dash: DASH, unit, write },
    { label: "After", colour: "accent", dash: [], unit, write },
  ];
  return {
    title,
    lines,
    canLog,
    endLabels: false,
    stacked: 0,
    toData: ({ x, columns }) => [x, ...columns],
    dress: (palette, log) => ({
      scales: { y: log ? { distr: 3, log: 10, range: logRange } : { range: fromZero } },
      axes: [
        timeAxis(palette.muted, palette.grid),
        unit === "ms" ? millisAxis(palette.muted, palette.grid, log) : rateAxis(palette.muted, palette.grid),
      ],
      series: series(palette),
    }),
  };
}

function series(palette: Palette): uPlot.Series[] {
  return [
    {},
    { scale: "y", stroke: palette.users, width: 1.5, dash: DASH, points: { show: false } },
    { scale: "y", stroke: palette.accent, width: 1.75, points: { show: false } },
  ];
}

/** Columns of one run and of another on the steps of both; `shift` is how much later the other's begin. */
export function paired(one: Folded, other: Folded, shift: number): Folded {
  const step = Math.max(one.step, other.step);
  const begin = (x: number) => Math.floor(x / step) * step;
  const columns = new Map<number, [number | null, number | null]>();
  const put = ({ x, columns: [values = []] }: Folded, by: number, place: 0 | 1) => {
    x.forEach((at, index) => {
      const key = begin(at + by);
      const row = columns.get(key) ?? [null, null];
      row[place] = values[index] ?? row[place];
      columns.set(key, row);
    });
  };
  put(one, 0, 0);
  put(other, shift, 1);
  const x = [...columns.keys()].sort((a, b) => a - b);
  const merged = one.merged === true && other.merged === true;
  return {
    x,
    step,
    columns: [0, 1].map((place) => x.map((at) => columns.get(at)?.[place] ?? null)),
    merged,
  };
}

/** The percentiles of two runs on one axis. */
export const spectra: (onCursor: (index: number | null) => void) => Dress = (onCursor) => (palette) => ({
  ...spectrum(onCursor)(palette),
  series: series(palette).map((each) => ({ ...each, spanGaps: true })),
});

/** The columns of two spectra: the places of both, and the milliseconds of each. */
export function spectraData(before: readonly Part[], after: readonly Part[]): uPlot.AlignedData {
  const both = [before, after].map((parts) => {
    const [x, ms] = spectrumData(parts);
    return new Map(Array.from(x, (place, index) => [place, ms?.[index] ?? null] as const));
  });
  const x = [...new Set(both.flatMap((each) => [...each.keys()]))].sort((a, b) => a - b);
  return [x, ...both.map((each) => x.map((place) => each.get(place) ?? null))];
}

/** The read-out of one place of two spectra. */
export function spectraText(data: uPlot.AlignedData, index: number): string {
  const [x, before, after] = data;
  const place = x[index];
  if (place === undefined) return "";
  const part = `${Number((100 * (1 - 1 / place)).toPrecision(7))} %`;
  return `${part}: before ${format.time(before?.[index])}, after ${format.time(after?.[index])}`;
}
