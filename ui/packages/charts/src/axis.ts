/** Scales and ticks. */
import { format } from "@katydid/core";
import uPlot from "uplot";

/** Seconds between labels of a time axis. */
const TIME_INCREMENTS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];

/** What stands right of the plot, axis or labels, takes this many px. */
export const RIGHT_WIDTH = 48;

/** From 0 to a little above the largest value. */
export const fromZero: uPlot.Scale.Range = (_plot, _min, max) => {
  const top = max === null || !Number.isFinite(max) || max <= 0 ? 1 : max;
  return [0, uPlot.rangeNum(0, top, 0.1, true)[1] ?? top];
};

/** Users have air above them, so that their line stays apart from a steady rate's. */
const USERS_AIR = 1.3;

/** For users: the top is at least 4, so that labels are whole. */
export const usersFromZero: uPlot.Scale.Range = (_plot, _min, max) => [
  0,
  Math.max(4, (max ?? 0) * USERS_AIR),
];

/** Whole 1-2-5 steps around the values, so that a log axis begins and ends on a label. */
export const logRange: uPlot.Scale.Range = (_plot, min, max) => {
  const low = min === null || !(min > 0) ? 1 : min;
  const high = max === null || !(max > 0) ? 10 : max;
  const range: [number, number] = [stepBelow(low), stepAbove(high)];
  return range[1] / range[0] < 10 ? [range[0], range[0] * 10] : range;
};

export function stepBelow(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  const times = value / decade;
  return decade * (times >= 5 ? 5 : times >= 2 ? 2 : 1);
}

export function stepAbove(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  const times = value / decade;
  return decade * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

/** The labels of a log axis: 1, 2, 5 times each power of ten, or only the powers when there are many. */
export function logSplits(min: number, max: number): number[] {
  const decades = Math.log10(max / min);
  const steps = decades > 3 ? [1] : [1, 2, 5];
  const splits: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power += 1) {
    for (const step of steps) {
      const value = step * 10 ** power;
      if (value >= min * 0.999 && value <= max * 1.001) splits.push(value);
    }
  }
  return splits;
}

export const FONT = '12px "Inter Variable", system-ui, sans-serif';

/** What every axis looks like. */
export function style(text: string, grid: string): uPlot.Axis {
  return {
    stroke: text,
    font: FONT,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    gap: 8,
  };
}

export function timeAxis(text: string, grid: string): uPlot.Axis {
  return {
    ...style(text, grid),
    grid: { show: false },
    space: 72,
    incrs: TIME_INCREMENTS,
    values: (_plot, splits) => splits.map(format.axisTime),
    size: 28,
  };
}

export function rateAxis(text: string, grid: string): uPlot.Axis {
  return {
    ...style(text, grid),
    scale: "y",
    size: 52,
    space: 36,
    values: (_plot, splits) => splits.map((value) => tick(value)),
  };
}

/** Powers of two, so that labels are whole. */
const BYTE_INCREMENTS = Array.from({ length: 40 }, (_, power) => 2 ** power);

export function bytesAxis(text: string, grid: string): uPlot.Axis {
  return {
    ...style(text, grid),
    scale: "y",
    size: 72,
    space: 36,
    incrs: BYTE_INCREMENTS,
    values: (_plot, splits) => splits.map(format.bytes),
  };
}

export function usersAxis(text: string, grid: string): uPlot.Axis {
  return {
    ...style(text, grid),
    scale: "users",
    side: 1,
    size: RIGHT_WIDTH,
    space: 36,
    grid: { show: false },
    incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000],
    values: (_plot, splits) => splits.map(format.count),
  };
}

export function millisAxis(text: string, grid: string, log: boolean): uPlot.Axis {
  return {
    ...style(text, grid),
    scale: "y",
    size: 52,
    space: 30,
    values: (_plot, splits) => splits.map((value) => tick(value)),
    ...(log
      ? {
          splits: (plot: uPlot) => logSplits(plot.scales.y?.min ?? 1, plot.scales.y?.max ?? 10),
          filter: (_plot: uPlot, splits: number[]) => splits,
        }
      : {}),
  };
}

/** A round number as an axis shows it: 0.5, 20, 1,500. */
export function tick(value: number): string {
  return Number(value.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 4 });
}
