/** C11: response times over load, a dot for each stretch of the run. */
import { fromZero, millisAxis, rateAxis } from "./axis";
import type { Dress } from "./graph";
import { translucent } from "./palette";

export const scatter: (onCursor: (index: number | null) => void) => Dress = (onCursor) => (palette) => ({
  legend: { show: false },
  padding: [10, 16, 0, 0],
  cursor: { y: false, points: { size: 10 }, drag: { x: false, y: false } },
  hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  scales: {
    x: { time: false, range: (_plot, _min, max) => [0, Math.max(1, (max ?? 1) * 1.05)] },
    y: { range: fromZero },
  },
  axes: [
    { ...rateAxis(palette.muted, palette.grid), side: 2, scale: "x", size: 28 },
    millisAxis(palette.muted, palette.grid, false),
  ],
  series: [
    {},
    {
      scale: "y",
      stroke: palette.p95,
      paths: () => null,
      points: { show: true, size: 8, fill: translucent(palette.p95, 0.5), stroke: palette.p95 },
    },
  ],
});
