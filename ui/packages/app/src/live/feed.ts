/**
 * Keeps the store fed: a snapshot, then the stream; polling where the stream is held back.
 *
 * The browser itself reconnects a stream that drops for a moment and sends `Last-Event-ID`, so the
 * gap is replayed. When contact is lost for longer the feed takes over: it asks for a snapshot until
 * one arrives, and opens a new stream.
 */
import { parseFrame, type WireFrame } from "@katydid/core";
import { readSnapshot, STREAM_URL } from "../api/client";
import type { Store } from "./store";
import { openStream, type Stream } from "./stream";

/** An open stream that is silent for so long is held back by something on the way. */
const SILENCE_MS = 5_000;

const POLL_MS = 1_000;
const RETRY_MS = 3_000;

export class Feed {
  readonly #store: Store;
  #stream: Stream | null = null;
  /** Frames that came while the snapshot was under way; null when none is. */
  #held: WireFrame[] | null = null;
  #streamHeardAt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #polling = false;
  /** When contact was lost, to say afterwards for how long. */
  #lostSince: number | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  start(): void {
    void this.#connect();
    setInterval(() => this.#watch(), 500);
    addEventListener("online", () => this.retryNow());
  }

  /** Tries at once instead of at the end of the countdown. */
  retryNow = (): void => {
    if (this.#store.linkView(Date.now()).kind === "live") return;
    clearTimeout(this.#retry);
    void this.#connect();
  };

  async #connect(): Promise<void> {
    this.#store.setRetry(null);
    this.#open();
    await this.#reload();
  }

  #open(): void {
    this.#stream?.close();
    this.#streamHeardAt = Date.now();
    this.#stream = openStream(STREAM_URL, {
      frame: (data) => this.#frame(data),
      beat: (data) => this.#beat(data),
      reset: () => {
        this.#streamHeardAt = Date.now();
        void this.#reload();
      },
      broken: (closed) => {
        this.#store.close();
        if (closed) this.#retryLater();
      },
    });
  }

  /** Reads the whole state; frames that arrive meanwhile are added after it. */
  async #reload(): Promise<void> {
    const held: WireFrame[] = [];
    this.#held = held;
    try {
      const snapshot = await readSnapshot();
      const before = this.#store.model.time;
      this.#store.load(snapshot);
      this.#sayRecovered(before);
      if (!held.every((frame) => this.#store.apply(frame))) void this.#reload();
    } catch {
      this.#store.close();
      this.#retryLater();
    } finally {
      if (this.#held === held) this.#held = null;
    }
  }

  #frame(data: string): void {
    this.#streamHeardAt = Date.now();
    try {
      const frame = parseFrame(data);
      if (this.#held !== null) this.#held.push(frame);
      else if (!this.#store.apply(frame)) void this.#reload();
    } catch {
      // A frame that cannot be read leaves a hole, too.
      if (this.#held === null) void this.#reload();
    }
  }

  #beat(data: string): void {
    this.#streamHeardAt = Date.now();
    if (this.#held === null && this.#store.view.loaded) this.#store.hear(Number(JSON.parse(data).t));
  }

  #watch(): void {
    const now = Date.now();
    const { kind } = this.#store.linkView(now);
    if (kind === "lost") {
      this.#lostSince ??= this.#store.view.link.heardAt;
      if (this.#store.view.retryAt === null && !this.#polling && this.#held === null) this.#retryLater();
      return;
    }
    if (this.#isOpen() && now - this.#streamHeardAt > SILENCE_MS && !this.#polling) void this.#poll();
  }

  /** Reads snapshots for as long as the open stream stays silent. */
  async #poll(): Promise<void> {
    this.#polling = true;
    const silentSince = this.#streamHeardAt;
    while (this.#streamHeardAt === silentSince && this.#isOpen()) {
      if (this.#held === null) await this.#reload();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.#polling = false;
  }

  #isOpen(): boolean {
    return this.#stream?.isOpen() ?? false;
  }

  #retryLater(): void {
    this.#stream?.close();
    clearTimeout(this.#retry);
    this.#store.setRetry(Date.now() + RETRY_MS);
    this.#retry = setTimeout(() => void this.#connect(), RETRY_MS);
  }

  #sayRecovered(before: number): void {
    if (this.#lostSince === null) return;
    const seconds = Math.round((Date.now() - this.#lostSince) / 1000);
    this.#lostSince = null;
    const { series } = this.#store.model;
    let recovered = 0;
    for (let index = series.length - 1; index >= 0 && series.time(index) * 1000 > before; index -= 1)
      recovered += 1;
    this.#store.toast(`Reconnected after ${seconds} s; ${recovered} s of data recovered.`, "ok");
  }
}
