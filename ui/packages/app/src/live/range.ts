import { decodeRow, type Row, type WireWindow } from "@katydid/core";
import { createContext, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { readWindow } from "../api/client";
import { chartGroup } from "../pages/chartGroup";
import { useLive, useView } from "./hooks";

/** What was counted in the stretch that is chosen on the charts. */
export interface Range {
  /** Seconds since the run began, whole ones; the last is not included. */
  from: number;
  to: number;
  /** Null until the server has answered, or if it keeps no runs. */
  counted: { total: Row; rows: readonly Row[]; faults: WireWindow["errors"] } | null;
  /** Why there are no numbers of the stretch. */
  problem: string | null;
}

export const RangeContext = createContext<Range | null>(null);

/** The chosen stretch with its numbers; null while the whole run is shown. */
export function useRange(): Range | null {
  return useContext(RangeContext);
}

/** Reads the chosen stretch, once for all who show it. */
export function useReadRange(): Range | null {
  const { store } = useLive();
  const zoom = useSyncExternalStore(chartGroup.subscribe, () => chartGroup.zoom);
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
  const shown = useRef(started);
  useEffect(() => {
    if (shown.current !== null && shown.current !== undefined && shown.current !== started)
      chartGroup.setZoom(null);
    shown.current = started;
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
    readWindow(origin + from, origin + to).then(
      (window) => wanted && setAnswer({ key, window, problem: null }),
      (error) => wanted && setAnswer({ key, window: null, problem: String(error.message ?? error) }),
    );
    return () => {
      wanted = false;
    };
  }, [active, key, grows]);

  const known = answer?.key === key ? answer : null;
  const counted = useMemo(
    () => (known?.window ? decode(known.window, store.model.rows) : null),
    [known, store],
  );
  return useMemo(
    () => (active ? { from, to, counted, problem: known?.problem ?? null } : null),
    [active, from, to, counted, known],
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
  return {
    total: decodeRow(total, known),
    rows: entries.map((entry) => {
      const row = decodeRow(entry, known);
      return { ...row, id: ids.get(keyOf(row)) ?? row.id };
    }),
    faults: errors,
  };
}
