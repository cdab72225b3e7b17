/** How components read the live run. */
import type { WireAbout, WireKeptRun } from "@katydid/core";
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { readAbout } from "../api/client";
import type { Feed } from "./feed";
import type { Source } from "./source";
import type { Store, View } from "./store";

export interface Live {
  store: Store;
  feed: Feed;
  source: Source;
  /** The run that is looked at, if it is one that is kept; then nothing can be done to it here. */
  kept: WireKeptRun | null;
  /** Whether nothing about it changes any more. */
  settled: boolean;
}

export const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error("useLive needs a LiveContext above it");
  return live;
}

/** One part of the view; the component renders again only when that part changes. */
export function useView<T>(select: (view: View) => T): T {
  const { store } = useLive();
  return useSyncExternalStore(store.subscribe, () => select(store.view));
}

/** The local time, moving on every `interval` ms. */
export function useNow(interval: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return now;
}

/** What the script offers; read again when the run has changed, or the controller is another one. */
export function useAbout(): WireAbout | null {
  const boot = useView((view) => view.boot);
  const revision = useView((view) => view.run?.revision);
  const [about, setAbout] = useState<WireAbout | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of the run may be one of hosts and weights
  useEffect(() => {
    if (boot === null) return;
    let wanted = true;
    readAbout().then(
      (read) => wanted && setAbout(read),
      () => {
        // The connection banner already tells that the controller cannot be reached.
      },
    );
    return () => {
      wanted = false;
    };
  }, [boot, revision]);
  return about;
}
