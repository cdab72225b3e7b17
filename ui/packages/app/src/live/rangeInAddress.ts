import type { Zoom } from "@katydid/charts";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { chartGroup } from "../pages/chartGroup";
import { setQuery, useRoute } from "../route";

const NAME = "range";

/**
 * Keeps the chosen stretch in the address, as `range=60-120`, in seconds since the run began: a link shows what its
 * sender saw. The stretch outlives a change of page, and goes with its run.
 */
export function useRangeInAddress(): void {
  const { run, path, query } = useRoute();
  const zoom = useSyncExternalStore(chartGroup.subscribe, () => chartGroup.zoom);
  const asked = query.get(NAME);
  const shown = useRef<string | null | undefined>(undefined);
  const written = useRef<string | null>(null);
  const isOfRun = path.startsWith("/run/");
  useEffect(() => {
    if (!isOfRun) return;
    const isAnother = shown.current !== run;
    shown.current = run;
    if (isAnother || (asked !== null && asked !== written.current)) {
      written.current = asked;
      const wanted = asked === null ? null : zoomOf(asked);
      if (wanted !== null || (isAnother && zoom !== null)) {
        chartGroup.setZoom(wanted);
        return;
      }
    }
    const text = zoom === null ? null : textOf(zoom);
    if (text === asked) return;
    written.current = text;
    setQuery(NAME, text);
  }, [isOfRun, run, asked, zoom]);
}

/** A stretch as the address has it: whole seconds, because those are what is counted. */
export function textOf({ min, max }: Zoom): string {
  const from = Math.max(0, Math.floor(min));
  return `${from}-${Math.max(from + 1, Math.ceil(max))}`;
}

/** A stretch that an address asks for; null if it is none. */
export function zoomOf(text: string): Zoom | null {
  const [, min, max] = /^(\d{1,9})-(\d{1,9})$/.exec(text) ?? [];
  const zoom = { min: Number(min), max: Number(max) };
  return zoom.max > zoom.min ? zoom : null;
}
