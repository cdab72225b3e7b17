/**
 * One uPlot canvas: themed, sized to its element, and a member of a group.
 *
 * The plot is built anew only when its theme or kind of scale changes; data moves through `draw`.
 */
import type { Folded } from "@katydid/core";
import uPlot from "uplot";
import { type Annotations, drawLimits, drawMarks, drawSpans, LANE, NONE } from "./annotations";
import { RIGHT_WIDTH } from "./axis";
import type { Group, Member, Zoom } from "./group";
import { drawEndLabels } from "./labels";
import { type Palette, readPalette } from "./palette";
import type { Spec } from "./spec";

/** A drag shorter than this is a click, not a zoom. In px. */
const MIN_DRAG = 8;

export class Chart implements Member {
  readonly #host: HTMLElement;
  readonly #spec: Spec;
  readonly #group: Group;
  readonly #resized: ResizeObserver;
  readonly #leave: () => void;
  #hidden: ReadonlySet<number> = new Set();
  #plot: uPlot | null = null;
  #palette: Palette;
  #annotations: Annotations = NONE;
  #log = false;
  /** The time axis reaches at least this far, in seconds. */
  #span = 0;
  #data: uPlot.AlignedData = [[]];
  /** True while this chart follows another one, so that it does not echo. */
  #following = false;

  constructor(host: HTMLElement, spec: Spec, group: Group) {
    this.#host = host;
    this.#spec = spec;
    this.#group = group;
    this.#palette = readPalette(host);
    this.#leave = group.join(this);
    this.#resized = new ResizeObserver(() => this.#fit());
    this.#resized.observe(host);
  }

  /** Shows new data over at least `span` seconds; nothing is animated. */
  draw(folded: Folded, { log, span }: { log: boolean; span: number }): void {
    this.#data = this.#spec.toData(folded);
    this.#span = span;
    if (this.#plot === null || log !== this.#log) {
      this.#log = log;
      this.#build();
      return;
    }
    this.#follow((plot) => {
      plot.batch(() => {
        plot.setData(this.#data, false);
        plot.setScale("x", this.#xRange());
      });
      this.#placeCursor(plot, this.#group.cursor);
    });
  }

  /** Shows what happened besides requests. */
  annotate(annotations: Annotations): void {
    this.#annotations = annotations;
    this.#plot?.redraw(false, false);
  }

  /** Takes the page's colours again after a change of theme. */
  retheme(): void {
    const palette = readPalette(this.#host);
    if (JSON.stringify(palette) === JSON.stringify(this.#palette)) return;
    this.#palette = palette;
    if (this.#plot !== null) this.#build();
  }

  /** Leaves out lines, by their places in the spec. */
  hide(lines: ReadonlySet<number>): void {
    if (lines.size === 0 && this.#hidden.size === 0) return;
    this.#hidden = lines;
    if (this.#plot !== null) this.#build();
  }

  destroy(): void {
    this.#leave();
    this.#resized.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  showZoom(): void {
    this.#follow((plot) => plot.setScale("x", this.#xRange()));
  }

  moveCursor(x: number | null): void {
    this.#follow((plot) => this.#placeCursor(plot, x));
  }

  #placeCursor(plot: uPlot, x: number | null): void {
    const left = x === null ? -10 : plot.valToPos(x, "x");
    plot.setCursor({ left, top: left < 0 ? -10 : 0 });
  }

  #follow(move: (plot: uPlot) => void): void {
    if (this.#plot === null) return;
    this.#following = true;
    move(this.#plot);
    this.#following = false;
  }

  #xRange(): Zoom {
    return this.#group.zoom ?? { min: 0, max: Math.max(this.#span, this.#data[0].at(-1) ?? 0, 1) };
  }

  #size(): { width: number; height: number } {
    return { width: Math.max(this.#host.clientWidth, 120), height: Math.max(this.#host.clientHeight, 80) };
  }

  #fit(): void {
    const { width, height } = this.#size();
    if (this.#plot !== null && (this.#plot.width !== width || this.#plot.height !== height)) {
      this.#follow((plot) => plot.setSize({ width, height }));
    }
  }

  #build(): void {
    this.#following = true;
    this.#plot?.destroy();
    const dressed = this.#spec.dress(this.#palette, this.#log);
    const { min, max } = this.#xRange();
    const options: uPlot.Options = {
      ...this.#size(),
      ...dressed,
      series: dressed.series.map((series, index) => ({
        ...series,
        show: index === 0 || !this.#hidden.has(this.#lineOf(index)),
      })),
      scales: { ...dressed.scales, x: { time: false, auto: false, min, max } },
      legend: { show: false },
      // As wide as the right axis of other charts, so that shared times stand above each other.
      padding: [LANE, this.#rightPadding(dressed.axes?.length ?? 0), 0, 0],
      cursor: {
        y: false,
        points: { size: 6 },
        drag: { x: true, y: false, setScale: false, dist: MIN_DRAG },
        bind: { dblclick: () => () => this.#unzoom() },
      },
      hooks: {
        setCursor: [(plot) => this.#cursorMoved(plot)],
        setSelect: [(plot) => this.#selected(plot)],
        drawClear: [(plot) => drawSpans(plot, this.#annotations, this.#palette)],
        draw: [(plot) => this.#drawOver(plot)],
      },
    };
    this.#plot = new uPlot(options, this.#data, this.#host);
    this.#following = false;
  }

  /** Room for what stands right of the plot: labels, or half of the last time where no axis is. */
  #rightPadding(axes: number): number {
    if (this.#spec.endLabels) return RIGHT_WIDTH;
    return axes > 2 ? 0 : 20;
  }

  #drawOver(plot: uPlot): void {
    drawMarks(plot, this.#annotations, this.#palette);
    drawLimits(plot, this.#annotations.limits[this.#spec.title] ?? [], this.#palette);
    if (this.#spec.endLabels) drawEndLabels(plot, this.#spec, this.#palette);
  }

  /** The line a drawn series stands for: a stack draws its upper line first. */
  #lineOf(series: number): number {
    const { stacked } = this.#spec;
    return series <= stacked ? stacked - series : series - 1;
  }

  #cursorMoved(plot: uPlot): void {
    if (this.#following) return;
    const { idx } = plot.cursor;
    this.#group.setCursor(idx === null || idx === undefined ? null : (plot.data[0][idx] ?? null), this);
  }

  #selected(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < MIN_DRAG) return;
    const zoom = { min: plot.posToVal(left, "x"), max: plot.posToVal(left + width, "x") };
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.#group.setZoom(zoom);
  }

  #unzoom(): null {
    this.#group.setZoom(null);
    return null;
  }
}
