/** C5: how many requests took how long, second by second, as shades of one colour. */
import { format, type WireHeat } from "@katydid/core";
import { FONT, logSplits, RIGHT_WIDTH, tick } from "./axis";
import type { Group, Member, Zoom } from "./group";
import { type Palette, readPalette } from "./palette";

const LEFT = 52;
const TOP = 10;
const BOTTOM = 28;

/** The faintest shade there is, so that a single request is seen. */
const FAINT = 0.16;

/** One cell under the pointer. */
export interface Cell {
  /** Seconds on the time axis. */
  x: number;
  fromMs: number;
  toMs: number;
  count: number;
}

export class Heatmap implements Member {
  readonly #host: HTMLElement;
  readonly #canvas = document.createElement("canvas");
  readonly #group: Group;
  readonly #leave: () => void;
  readonly #resized: ResizeObserver;
  #heat: WireHeat = { step: 1, bars_per_doubling: 4, columns: [] };
  #origin = 0;
  #span = 0;
  #image: ImageBitmapSource | null = null;
  #low = 0;
  #high = 1;
  #first = 0;

  constructor(host: HTMLElement, group: Group, onCell: (cell: Cell | null) => void) {
    this.#host = host;
    this.#group = group;
    this.#leave = group.join(this);
    this.#canvas.style.display = "block";
    host.append(this.#canvas);
    this.#resized = new ResizeObserver(() => this.#paint());
    this.#resized.observe(host);
    host.addEventListener("pointermove", (event) => onCell(this.#cellAt(event)));
    host.addEventListener("pointerleave", () => onCell(null));
  }

  /** Shows new data; `origin` is the epoch second called 0, `span` how far the axis reaches at least. */
  draw(heat: WireHeat, origin: number, span: number): void {
    this.#heat = heat;
    this.#origin = origin;
    this.#span = span;
    this.#shade();
    this.#paint();
  }

  retheme(): void {
    this.#shade();
    this.#paint();
  }

  showZoom(): void {
    this.#paint();
  }

  moveCursor(): void {}

  destroy(): void {
    this.#leave();
    this.#resized.disconnect();
    this.#canvas.remove();
  }

  #range(): Zoom {
    const last = (this.#heat.columns.at(-1)?.[0] ?? this.#origin) - this.#origin + this.#heat.step;
    return this.#group.zoom ?? { min: 0, max: Math.max(this.#span, last, 1) };
  }

  /** Makes an image with a pixel for each column and bar. */
  #shade(): void {
    const { columns, step } = this.#heat;
    const bars = columns.flatMap(([, cells]) => cells.map(([bar]) => bar));
    const newest = columns.at(-1);
    const oldest = columns[0];
    this.#image = null;
    if (newest === undefined || oldest === undefined || bars.length === 0) return;
    this.#low = bars.reduce((least, bar) => Math.min(least, bar), Number.POSITIVE_INFINITY) - 1;
    this.#high = bars.reduce((most, bar) => Math.max(most, bar), Number.NEGATIVE_INFINITY);
    this.#first = oldest[0];
    const width = Math.floor((newest[0] - oldest[0]) / step) + 1;
    const height = this.#high - this.#low;
    const most = columns.reduce((top, [, cells]) => cells.reduce((peak, [, n]) => Math.max(peak, n), top), 1);
    const image = new ImageData(width, height);
    const [red, green, blue] = rgb(readPalette(this.#host).accent);
    for (const [t, cells] of columns) {
      const x = Math.floor((t - oldest[0]) / step);
      for (const [bar, count] of cells) {
        const at = ((this.#high - bar) * width + x) * 4;
        const part = Math.log1p(count) / Math.log1p(most);
        image.data.set([red, green, blue, Math.round(255 * (FAINT + (1 - FAINT) * part))], at);
      }
    }
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")?.putImageData(image, 0, 0);
    this.#image = canvas;
  }

  #paint(): void {
    const ratio = devicePixelRatio;
    const width = Math.max(this.#host.clientWidth, 120);
    const height = Math.max(this.#host.clientHeight, 80);
    this.#canvas.width = width * ratio;
    this.#canvas.height = height * ratio;
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    const context = this.#canvas.getContext("2d");
    if (context === null || this.#image === null) return;
    context.scale(ratio, ratio);
    const plot = { left: LEFT, top: TOP, width: width - LEFT - RIGHT_WIDTH, height: height - TOP - BOTTOM };
    const { min, max } = this.#range();
    const palette = readPalette(this.#host);
    const x = (seconds: number) => plot.left + ((seconds - min) / (max - min)) * plot.width;
    context.save();
    context.beginPath();
    context.rect(plot.left, plot.top, plot.width, plot.height);
    context.clip();
    context.imageSmoothingEnabled = false;
    const canvas = this.#image as OffscreenCanvas;
    const start = x(this.#first - this.#origin);
    const end = x(this.#first - this.#origin + canvas.width * this.#heat.step);
    context.drawImage(canvas, start, plot.top, end - start, plot.height);
    context.restore();
    this.#axes(context, plot, palette, { min, max });
  }

  #axes(
    context: CanvasRenderingContext2D,
    plot: { left: number; top: number; width: number; height: number },
    palette: Palette,
    { min, max }: Zoom,
  ): void {
    context.font = FONT;
    context.fillStyle = palette.muted;
    context.strokeStyle = palette.grid;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const bars = this.#heat.bars_per_doubling;
    const ms = (bar: number) => 2 ** (bar / bars) / 1000;
    for (const split of logSplits(ms(this.#low), ms(this.#high))) {
      const bar = Math.log2(split * 1000) * bars;
      const y = plot.top + ((this.#high - bar) / (this.#high - this.#low)) * plot.height;
      context.fillText(tick(split), plot.left - 8, y);
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    const step = TIME_STEPS.find((each) => (plot.width / (max - min)) * each > 72) ?? 86_400;
    for (let at = Math.ceil(min / step) * step; at <= max; at += step) {
      const x = plot.left + ((at - min) / (max - min)) * plot.width;
      context.fillText(format.axisTime(at), x, plot.top + plot.height + 8);
    }
    context.strokeRect(plot.left, plot.top, plot.width, plot.height);
  }

  #cellAt({ offsetX, offsetY }: PointerEvent): Cell | null {
    const width = this.#host.clientWidth - LEFT - RIGHT_WIDTH;
    const height = this.#host.clientHeight - TOP - BOTTOM;
    const across = (offsetX - LEFT) / width;
    const down = (offsetY - TOP) / height;
    if (this.#image === null || across < 0 || across > 1 || down < 0 || down >= 1) return null;
    const { min, max } = this.#range();
    const { step, columns, bars_per_doubling } = this.#heat;
    const second = this.#origin + min + across * (max - min);
    const column = columns.find(([t]) => t <= second && second < t + step);
    const bar = this.#high - Math.floor(down * (this.#high - this.#low));
    const count = column?.[1].find(([each]) => each === bar)?.[1] ?? 0;
    const ms = (place: number) => 2 ** (place / bars_per_doubling) / 1000;
    const x = Math.floor((second - this.#origin) / step) * step;
    return { x, fromMs: ms(bar - 1), toMs: ms(bar), count };
  }
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600];

/** The parts of a colour given as `#rrggbb`; system colours of forced-colours mode are drawn grey. */
function rgb(colour: string): [number, number, number] {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  const part = (index: number) => Number.parseInt(match?.[index] ?? "80", 16);
  return [part(1), part(2), part(3)];
}
