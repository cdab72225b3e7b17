/** Charts that share one time axis: their crosshair and their zoom move together. */

export interface Zoom {
  /** Seconds on the time axis. */
  min: number;
  max: number;
}

/** A chart as its group sees it. */
export interface Member {
  showZoom(zoom: Zoom | null): void;
  moveCursor(x: number | null): void;
}

export class Group {
  zoom: Zoom | null = null;
  /** Where the crosshair is, in seconds on the time axis. */
  cursor: number | null = null;
  readonly #members = new Set<Member>();
  readonly #listeners = new Set<() => void>();

  join(member: Member): () => void {
    this.#members.add(member);
    return () => this.#members.delete(member);
  }

  /** Calls back after the zoom or the crosshair changed. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  setZoom(zoom: Zoom | null): void {
    this.zoom = zoom;
    for (const member of this.#members) member.showZoom(zoom);
    this.#tell();
  }

  /** Moves every chart's crosshair to this moment; `source` has already moved. */
  setCursor(x: number | null, source: Member | null): void {
    if (x === this.cursor) return;
    this.cursor = x;
    for (const member of this.#members) {
      if (member !== source) member.moveCursor(x);
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
