/** Names at the ends of lines, so that a chart can be read without its legend. */
import type uPlot from "uplot";
import type { Palette } from "./palette";
import type { Spec } from "./spec";

const LINE_HEIGHT = 13;

/** Draws each shown line's label beside its last value, pushed apart where they would overlap. */
export function drawEndLabels(plot: uPlot, spec: Spec, palette: Palette): void {
  const ratio = devicePixelRatio;
  const { left, top, width, height } = plot.bbox;
  const end = Math.min(plot.valToPos(plot.data[0].at(-1) ?? 0, "x", true), left + width);
  const places = spec.lines
    .flatMap((line, index) => {
      const value = lastShown(plot, index + 1);
      return value === null ? [] : [{ line, y: plot.valToPos(value, "y", true) }];
    })
    .sort((a, b) => a.y - b.y);

  const step = LINE_HEIGHT * ratio;
  let lowest = Number.NEGATIVE_INFINITY;
  for (const place of places) {
    place.y = Math.max(place.y, lowest + step, top + step / 2);
    lowest = place.y;
  }
  let highest = top + height + step;
  for (const place of places.toReversed()) {
    place.y = Math.min(place.y, highest - step);
    highest = place.y;
  }

  const { ctx } = plot;
  ctx.save();
  ctx.font = `600 ${11 * ratio}px "Inter Variable", system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const { line, y } of places) {
    ctx.fillStyle = palette[line.colour];
    ctx.fillText(line.label, end + 6 * ratio, y);
  }
  ctx.restore();
}

function lastShown(plot: uPlot, series: number): number | null {
  if (plot.series[series]?.show === false) return null;
  const max = plot.scales.x?.max ?? Number.POSITIVE_INFINITY;
  const column = plot.data[series] ?? [];
  for (let index = column.length - 1; index >= 0; index -= 1) {
    const value = column[index];
    if (typeof value === "number" && (plot.data[0][index] ?? 0) <= max) return value;
  }
  return null;
}
