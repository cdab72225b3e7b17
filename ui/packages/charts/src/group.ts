/** Charts that share one time axis: their crosshair and their zoom move together. */

export interface Zoom {
  /** Seconds on the time axis. */
  min: number;
  max: number;
}

/** A chart as its group sees it. */
export interface Member {
  showZoom(zoom: Zoom | null): void;
  moveCursor(index: number | null): void;
}

export class Group {
  zoom: Zoom | null = null;
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

  /** Moves every chart's crosshair to the point of this index; `source` has already moved. */
  setCursor(index: number | null, source: Member | null): void {
    if (index === this.cursor) return;
    this.cursor = index;
    for (const member of this.#members) {
      if (member !== source) member.moveCursor(index);
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
