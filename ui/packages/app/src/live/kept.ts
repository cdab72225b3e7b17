/** A kept run as the pages read it: a store of its own, filled once, or again while the run goes on elsewhere. */
import type { WireKeptRun } from "@katydid/core";
import { useEffect, useMemo, useState } from "react";
import { type Live, useLive } from "./hooks";
import { keptSource, readKept } from "./source";
import { Store, type Toast } from "./store";

const POLL_MS = 2_000;

/** What is said goes to the page's own region for messages. */
class KeptStore extends Store {
  readonly #page: Store;

  constructor(page: Store) {
    super();
    this.#page = page;
  }

  override toast(text: string, tone: Toast["tone"]): void {
    this.#page.toast(text, tone);
  }

  override announce(text: string): void {
    this.#page.announce(text);
  }
}

/** Reads a kept run; null until it is there. */
export function useKept(id: string): { live: (Live & { kept: WireKeptRun }) | null; problem: string | null } {
  const { store: page, feed } = useLive();
  const store = useMemo(() => new KeptStore(page), [page]);
  const source = useMemo(() => keptSource(id), [id]);
  const [kept, setKept] = useState<WireKeptRun | null>(null);
  const [settled, setSettled] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async () => {
      try {
        const snapshot = await readKept(id);
        if (!wanted) return;
        store.load(snapshot);
        setKept((before) =>
          JSON.stringify(before) === JSON.stringify(snapshot.kept) ? before : snapshot.kept,
        );
        setSettled(snapshot.settled);
        if (!snapshot.settled) timer = setTimeout(load, POLL_MS);
      } catch (error) {
        if (wanted) setProblem(error instanceof Error ? error.message : String(error));
      }
    };
    void load();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [id, store]);
  const live = useMemo(
    () => (kept === null ? null : { store, feed, source, kept, settled }),
    [store, feed, source, kept, settled],
  );
  return { live, problem };
}
