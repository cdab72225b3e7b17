/**
 * What the page shows, as one value that changes at most once a frame of the screen.
 *
 * The feed writes into the model as data arrives; `commit` publishes the result to React.
 */
import {
  closed,
  heard,
  isActive,
  type Link,
  type LinkView,
  Model,
  newLink,
  type Recent,
  type Row,
  type Run,
  view as viewLink,
  type WireFrame,
  type WireHealth,
  type WireLost,
  type WireMark,
  type WireSnapshot,
  type WireThreshold,
} from "@katydid/core";

/** A message that stays until it is closed. */
export interface Toast {
  id: number;
  text: string;
  tone: "ok" | "err";
}

/** Everything a component can read. Parts that did not change keep their identity. */
export interface View {
  loaded: boolean;
  boot: string | null;
  run: Run | null;
  total: Row | null;
  recent: Recent | null;
  rows: readonly Row[];
  faults: WireFrame["faults"];
  health: readonly WireHealth[];
  marks: readonly WireMark[];
  thresholds: readonly WireThreshold[];
  lost: readonly WireLost[];
  truncated: string | null;
  seriesVersion: number;
  link: Link;
  /** When the feed tries again, in local epoch milliseconds; null while it is not waiting. */
  retryAt: number | null;
  /** When the controller was found to be another one, in local epoch milliseconds. */
  restartedAt: number | null;
  toasts: readonly Toast[];
  announcement: string;
}

export class Store {
  readonly model = new Model();
  view: View;

  #listeners = new Set<() => void>();
  #scheduled = false;
  #clockOffset: number | null = null;
  #nextToast = 1;
  #patch: Partial<View> = {};

  constructor() {
    this.view = {
      loaded: false,
      boot: null,
      run: null,
      total: null,
      recent: null,
      rows: [],
      faults: this.model.faults,
      health: [],
      marks: [],
      thresholds: [],
      lost: [],
      truncated: null,
      seriesVersion: 0,
      link: newLink(Date.now()),
      retryAt: null,
      restartedAt: null,
      toasts: [],
      announcement: "",
    };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Server time now. It stops soon after the data does: an unknown run must not seem to go on. */
  serverNow(): number {
    const now = Date.now() + (this.#clockOffset ?? 0);
    return Math.min(now, this.model.time + MAX_AHEAD_MS);
  }

  linkView(now: number): LinkView {
    const run = this.model.run;
    return viewLink(this.#latest.link, now, run !== null && isActive(run.state));
  }

  load(snapshot: WireSnapshot): void {
    const restarted = this.model.boot !== null && this.model.boot !== snapshot.boot;
    this.model.load(snapshot);
    this.#clockOffset = snapshot.t - Date.now();
    this.#change({ loaded: true, ...(restarted ? { restartedAt: Date.now() } : {}) });
    this.hear();
  }

  /** Adds a frame; false if something before it is missing. */
  apply(frame: WireFrame): boolean {
    const fits = this.model.apply(frame);
    this.hear(frame.t);
    return fits;
  }

  /** Notes that the controller was heard, and its clock if it said the time. */
  hear(serverTime?: number): void {
    const now = Date.now();
    if (serverTime !== undefined) {
      this.model.time = Math.max(this.model.time, serverTime);
      // Delay only ever makes the server's clock seem late, so the largest difference is the best.
      this.#clockOffset = Math.max(this.#clockOffset ?? Number.NEGATIVE_INFINITY, serverTime - now);
    }
    this.#change({ link: heard(this.#latest.link, now), retryAt: null });
  }

  /** Notes that the stream closed. */
  close(): void {
    this.#change({ link: closed(this.#latest.link, Date.now()) });
  }

  setRetry(retryAt: number | null): void {
    this.#change({ retryAt });
  }

  toast(text: string, tone: Toast["tone"]): void {
    const toast = { id: this.#nextToast, text, tone };
    this.#nextToast += 1;
    this.#change({ toasts: [...this.#latest.toasts, toast] });
    this.announce(text);
  }

  closeToast(id: number): void {
    this.#change({ toasts: this.#latest.toasts.filter((toast) => toast.id !== id) });
  }

  forgetRestart(): void {
    this.#change({ restartedAt: null });
  }

  /** Says something to screen readers, through the page's one live region. */
  announce(text: string): void {
    this.#change({ announcement: text });
  }

  get #latest(): View {
    return { ...this.view, ...this.#patch };
  }

  #change(patch: Partial<View>): void {
    this.#patch = { ...this.#patch, ...patch };
    if (this.#scheduled) return;
    this.#scheduled = true;
    // A hidden page gets no animation frames, yet its title still tells the state of the run.
    if (document.hidden) setTimeout(this.#commit, 0);
    else requestAnimationFrame(this.#commit);
  }

  #commit = (): void => {
    this.#scheduled = false;
    this.view = { ...this.view, ...published(this.model), ...this.#patch };
    this.#patch = {};
    for (const listener of this.#listeners) listener();
  };
}

/** The parts of the model that components read. */
function published(model: Model): Partial<View> {
  const {
    boot,
    run,
    total,
    recent,
    rows,
    faults,
    health,
    marks,
    thresholds,
    lost,
    truncated,
    seriesVersion,
  } = model;
  return {
    boot,
    run,
    total,
    recent,
    rows,
    faults,
    health,
    marks,
    thresholds,
    lost,
    truncated,
    seriesVersion,
  };
}

/** How far the page's clock may run on beyond the newest data. */
const MAX_AHEAD_MS = 2_500;
