import type { WireEndpoint } from "@katydid/core";
import { useCallback } from "react";
import { useLive } from "./hooks";
import { useRange } from "./range";
import { usePolled } from "./usePolled";

/**
 * Everything about one endpoint: its spectrum, histogram, statuses and phases are those of the chosen
 * stretch, its course is that of the whole run, on which the stretch can be chosen again.
 */
export function useEndpoint(id: number, interval: number): WireEndpoint | null {
  const { source } = useLive();
  const range = useRange();
  const stored = range?.counted?.stored.get(id);
  const from = stored === undefined ? null : (range?.stretch.from ?? null);
  const to = range?.stretch.to ?? 0;
  const whole = usePolled(
    useCallback(() => source.endpoint(id), [source, id]),
    interval,
  );
  const part = usePolled(
    useCallback(
      async () => ({
        id,
        from,
        to,
        of: from === null ? null : await source.endpoint(stored ?? id, { from, to }),
      }),
      [source, id, stored, from, to],
    ),
    interval,
  );
  const fits = part?.id === id && part.from === from && part.to === to;
  if (from === null || !fits || part.of === null) return whole;
  return { ...part.of, id, series: whole?.series ?? null };
}
