/** What happened besides requests: flags above a chart with a thin line down, and shaded stretches. */
import type uPlot from "uplot";
import { type Palette, translucent } from "./palette";

/** Something that happened at one moment. */
export interface Mark {
  /** Seconds on the time axis. */
  x: number;
  text: string;
  isBad: boolean;
}

/** A stretch in which the load was not as wanted. */
export interface Span {
  from: number;
  to: number;
  kind: "paused" | "lost";
}

/** A value that is not to be passed. */
export interface Limit {
  /** On the first value axis. */
  value: number;
  text: string;
  isPassed: boolean;
}

export interface Annotations {
  marks: readonly Mark[];
  spans: readonly Span[];
  /** By the titles of the charts that show them. */
  limits: Readonly<Record<string, readonly Limit[]>>;
}

export const NONE: Annotations = { marks: [], spans: [], limits: {} };

/** The height of the lane for flags, in px. */
export const LANE = 16;

/** Flags closer than this are drawn as one with their number, in px. */
const CLUSTER = 14;

/** Shades the stretches; to be called before the lines are drawn. */
export function drawSpans(plot: uPlot, { spans }: Annotations, palette: Palette): void {
  const { left, top, width, height } = plot.bbox;
  for (const { from, to, kind } of spans) {
    const start = Math.max(plot.valToPos(from, "x", true), left);
    const end = Math.min(plot.valToPos(to, "x", true), left + width);
    if (end <= start) continue;
    plot.ctx.fillStyle = translucent(kind === "lost" ? palette.err : palette.muted, 0.14);
    plot.ctx.fillRect(start, top, end - start, height);
  }
}

/** Draws the flags in the lane above the plot, so that they never stand over data. */
export function drawMarks(plot: uPlot, { marks }: Annotations, palette: Palette): void {
  const ratio = devicePixelRatio;
  const { left, top, width, height } = plot.bbox;
  const { ctx } = plot;
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.font = `600 ${10 * ratio}px "Inter Variable", system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  // uPlot leaves the dashes of its last line.
  ctx.setLineDash([]);
  for (const { at, count, isBad } of clusters(plot, marks)) {
    if (at < left || at > left + width) continue;
    const x = Math.round(at) + 0.5;
    const colour = isBad ? palette.err : palette.muted;
    ctx.strokeStyle = translucent(colour, 0.55);
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.moveTo(x, top - 11 * ratio);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x, top - 12 * ratio);
    ctx.lineTo(x + 8 * ratio, top - 8.5 * ratio);
    ctx.lineTo(x, top - 5 * ratio);
    ctx.fill();
    if (count > 1) ctx.fillText(String(count), x + 10 * ratio, top - 8 * ratio);
  }
  ctx.restore();
}

/** Draws values that are not to be passed as dashed lines with their words. */
export function drawLimits(plot: uPlot, limits: readonly Limit[], palette: Palette): void {
  const ratio = devicePixelRatio;
  const { left, top, width, height } = plot.bbox;
  const { ctx } = plot;
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.font = `${10 * ratio}px "Inter Variable", system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  ctx.setLineDash([5 * ratio, 4 * ratio]);
  for (const { value, text, isPassed } of limits) {
    const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
    // What lies far above the data is not drawn: the axis would have to grow for it.
    if (!(y >= top && y <= top + height)) continue;
    const colour = isPassed ? palette.err : palette.muted;
    ctx.strokeStyle = colour;
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.fillText(text, left + 4 * ratio, y - 2 * ratio);
  }
  ctx.restore();
}

/** Marks by their places in canvas px, those that would overlap as one. */
function clusters(plot: uPlot, marks: readonly Mark[]): { at: number; count: number; isBad: boolean }[] {
  const found: { at: number; count: number; isBad: boolean }[] = [];
  for (const { x, isBad } of marks) {
    const at = plot.valToPos(x, "x", true);
    const last = found.at(-1);
    if (last !== undefined && at - last.at < CLUSTER * devicePixelRatio) {
      last.count += 1;
      last.isBad ||= isBad;
    } else {
      found.push({ at, count: 1, isBad });
    }
  }
  return found;
}
