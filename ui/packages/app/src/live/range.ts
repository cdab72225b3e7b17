import { decodeRow, type Row, TOTAL_ID, type WireWindow } from "@katydid/core";
import { createContext, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { chartGroup } from "../pages/chartGroup";
import { useLive, useView } from "./hooks";
import type { Stretch } from "./source";

/** What was counted in the stretch that is chosen on the charts. */
export interface Range {
  /** Seconds since the run began, whole ones; the last is not included. */
  from: number;
  to: number;
  /** Null until the server has answered, or if it keeps no runs. */
  counted: {
    total: Row;
    rows: readonly Row[];
    faults: WireWindow["errors"];
    /** By the number of a row, that in the store. */
    stored: ReadonlyMap<number, number>;
  } | null;
  /** The same in seconds of the Unix epoch. */
  stretch: Stretch;
  /** Why there are no numbers of the stretch. */
  problem: string | null;
}

export const RangeContext = createContext<Range | null>(null);

/** The chosen stretch with its numbers; null while the whole run is shown. */
export function useRange(): Range | null {
  return useContext(RangeContext);
}

/** Reads the chosen stretch, once for all who show it; nothing while another run's pages are shown. */
export function useReadRange(shown: boolean): Range | null {
  const { store, source } = useLive();
  const zoom = useSyncExternalStore(chartGroup.subscribe, () => (shown ? chartGroup.zoom : null));
  const version = useView((view) => view.seriesVersion);
  const [answer, setAnswer] = useState<{
    key: string;
    window: WireWindow | null;
    problem: string | null;
  } | null>(null);
  const from = zoom === null ? 0 : Math.max(0, Math.floor(zoom.min));
  const to = zoom === null ? 0 : Math.max(from + 1, Math.ceil(zoom.max));
  const started = useView((view) => view.run?.started);
  const origin = store.model.origin;
  // A stretch of another run says nothing about this one.
  const known = useRef(started);
  useEffect(() => {
    if (known.current !== null && known.current !== undefined && known.current !== started)
      chartGroup.setZoom(null);
    known.current = started;
  }, [started]);
  // A stretch that reaches into the present still grows.
  const newest = store.model.series.length > 0 ? store.model.series.time(store.model.series.length - 1) : 0;
  const grows = zoom !== null && origin + to > newest - 2 ? version : 0;
  const key = `${origin} ${from} ${to}`;
  const active = zoom !== null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: asked anew while the stretch still grows
  useEffect(() => {
    if (!active) return;
    let wanted = true;
    source.window({ from: origin + from, to: origin + to }).then(
      (window) => wanted && setAnswer({ key, window, problem: null }),
      (error) => wanted && setAnswer({ key, window: null, problem: String(error.message ?? error) }),
    );
    return () => {
      wanted = false;
    };
  }, [active, key, grows, source]);

  const told = answer?.key === key ? answer : null;
  const counted = useMemo(() => (told?.window ? decode(told.window, store.model.rows) : null), [told, store]);
  return useMemo(
    () =>
      active
        ? {
            from,
            to,
            counted,
            stretch: { from: origin + from, to: origin + to },
            problem: told?.problem ?? null,
          }
        : null,
    [active, from, to, origin, counted, told],
  );
}

/** The store has numbers of its own for names; a row keeps that of the live table, so that it stays in its place. */
function decode(
  { names, total, entries, errors }: WireWindow,
  live: readonly Row[],
): NonNullable<Range["counted"]> {
  const known = new Map(names.map(([id, method, name]) => [id, { method, name }]));
  const keyOf = ({ method, name }: { method: string; name: string }) => JSON.stringify([method, name]);
  const ids = new Map(live.map((row) => [keyOf(row), row.id]));
  const stored = new Map([[TOTAL_ID, TOTAL_ID]]);
  const rows = entries.map((entry) => {
    const row = decodeRow(entry, known);
    const id = ids.get(keyOf(row)) ?? row.id;
    stored.set(id, row.id);
    return { ...row, id };
  });
  return { total: decodeRow(total, known), rows, faults: errors, stored };
}
