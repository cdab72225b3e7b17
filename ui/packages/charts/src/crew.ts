/** Charts with a line for each of several parts that are known only at run time: workers, kinds of failures. */
import { format } from "@katydid/core";
import type uPlot from "uplot";
import { bytesAxis, fromZero, rateAxis, timeAxis } from "./axis";
import type { Colour } from "./palette";
import { area, type Spec } from "./spec";

/** Colours of lines that have none of their own; lines differ by their dashes, too. */
const COLOURS: readonly Colour[] = ["accent", "p99", "p50", "p95", "warn", "ok", "users", "err"];

const DASHES: readonly number[][] = [[], [8, 3], [3, 3], [10, 3, 3, 3], [1, 3], [14, 4], [6, 6], [2, 6]];

/** How many parts get a line of their own. */
export const MOST_LINES = COLOURS.length;

export function colourOf(index: number): Colour {
  return COLOURS[index % COLOURS.length] ?? "accent";
}

/** Lines from zero. */
export function lines(
  title: string,
  unit: string,
  labels: readonly string[],
  write: (value: number | null) => string = format.significant,
): Spec {
  const axis = write === format.bytes ? bytesAxis : rateAxis;
  const dressed = labels.map((label, index) => ({
    label,
    colour: colourOf(index),
    dash: DASHES[index % DASHES.length] ?? [],
    unit,
    write,
  }));
  return {
    title,
    stacked: 0,
    canLog: false,
    endLabels: false,
    lines: dressed,
    toData: ({ x, columns }) => [x, ...columns],
    dress: (palette) => ({
      scales: { y: { range: fromZero } },
      axes: [timeAxis(palette.muted, palette.grid), axis(palette.muted, palette.grid)],
      series: [
        {},
        ...dressed.map(
          ({ colour, dash }): uPlot.Series => ({
            scale: "y",
            stroke: palette[colour],
            width: 1.5,
            dash,
            points: { show: false },
          }),
        ),
      ],
    }),
  };
}

/** Areas on top of each other. */
export function shares(title: string, unit: string, labels: readonly string[]): Spec {
  return area(
    title,
    unit,
    labels.map((label, index) => [label, colourOf(index)]),
  );
}

const KIND_COLOURS: Readonly<Record<string, Colour>> = {
  "http 5xx": "err",
  "http 4xx": "warn",
  timeout: "p95",
  connect: "p99",
  dns: "p50",
  tls: "ok",
  reset: "users",
  check: "accent",
};

/** C8: failures by their kind, stacked. */
export function failuresByKind(kinds: readonly string[]): Spec {
  return area(
    "Failures by kind",
    "failures/s",
    kinds.map((kind) => [kind, KIND_COLOURS[kind] ?? "muted"]),
  );
}
