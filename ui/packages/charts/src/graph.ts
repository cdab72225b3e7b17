/** A plot whose axis is not time: themed, and as large as its element. */
import uPlot from "uplot";
import { type Palette, readPalette } from "./palette";

/** Everything but the size. */
export type Dress = (palette: Palette) => Omit<uPlot.Options, "width" | "height">;

export class Graph {
  readonly #host: HTMLElement;
  readonly #dress: Dress;
  readonly #resized: ResizeObserver;
  #plot: uPlot | null = null;
  #data: uPlot.AlignedData = [[]];

  constructor(host: HTMLElement, dress: Dress) {
    this.#host = host;
    this.#dress = dress;
    this.#resized = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
    this.#resized.observe(host);
  }

  draw(data: uPlot.AlignedData): void {
    this.#data = data;
    if (this.#plot === null) this.#build();
    else this.#plot.setData(data);
  }

  /** Takes the page's colours again after a change of theme. */
  retheme(): void {
    if (this.#plot !== null) this.#build();
  }

  destroy(): void {
    this.#resized.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  #size(): { width: number; height: number } {
    return { width: Math.max(this.#host.clientWidth, 120), height: Math.max(this.#host.clientHeight, 80) };
  }

  #build(): void {
    this.#plot?.destroy();
    this.#plot = new uPlot(
      { ...this.#dress(readPalette(this.#host)), ...this.#size() },
      this.#data,
      this.#host,
    );
  }
}
