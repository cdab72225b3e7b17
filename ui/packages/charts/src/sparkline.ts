/** A tiny line without axes, as an SVG path. */

/** The path of values over a box, from 0 to their largest; NaN breaks the line. */
export function sparkline(values: readonly number[], width: number, height: number): string {
  const top = Math.max(0, ...values.filter((value) => !Number.isNaN(value)));
  if (values.length < 2) return "";
  const step = width / (values.length - 1);
  let path = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (Number.isNaN(value)) {
      pen = "M";
      return;
    }
    const y = top > 0 ? height - (value / top) * height : height;
    path += `${pen}${round(index * step)} ${round(y)}`;
    pen = "L";
  });
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
