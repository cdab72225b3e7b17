import { type Cell, type Group, Heatmap } from "@katydid/charts";
import { format, isActive, type WireHeat } from "@katydid/core";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLive, useView } from "../live/hooks";
import type { Source } from "../live/source";
import { usePolled } from "../live/usePolled";
import { useTheme } from "../theme";
import styles from "./ChartPanel.module.css";
import { Panel } from "./Panel";

const POLL_MS = 2_000;

/** So many seconds are shown at least while a run is young. */
const YOUNG_SPAN = 60;

/** How many requests took how long, over time: shows what percentiles hide. */
export function HeatPanel({ group }: { group: Group }) {
  const { store, source } = useLive();
  const started = useView((view) => view.run?.started ?? null);
  const span = useView(({ run }) =>
    run !== null && isActive(run.state) ? Math.min(YOUNG_SPAN, run.runTime ?? YOUNG_SPAN) : 0,
  );
  const heat = usePolled(
    // A new run begins a new map.
    // biome-ignore lint/correctness/useExhaustiveDependencies: see above
    useMemo(() => reader(source), [started, source]),
    POLL_MS,
  );
  const [cell, setCell] = useState<Cell | null>(null);
  const host = useRef<HTMLDivElement>(null);
  const map = useRef<Heatmap | null>(null);
  const theme = useTheme();
  const draw = useCallback(() => {
    if (heat !== null) map.current?.draw(heat, store.model.origin, span);
  }, [heat, span, store]);

  useEffect(() => {
    if (host.current === null) return;
    const made = new Heatmap(host.current, group, setCell);
    map.current = made;
    return () => {
      made.destroy();
      map.current = null;
    };
  }, [group]);

  useEffect(draw, [draw]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read again when the theme changes
  useEffect(() => map.current?.retheme(), [theme]);

  const isEmpty = heat === null || heat.columns.length === 0;
  const resolution = heat === null || heat.step === 1 ? "ms · 1 s" : `ms · ${heat.step} s`;
  return (
    <Panel title="Response time heat map" note={cell === null ? resolution : cellText(cell)}>
      <div className={styles.canvas} role="img" aria-label={heatSummary(heat)}>
        <div ref={host} className={styles.host} />
        {isEmpty && <p className={styles.empty}>No data yet</p>}
      </div>
    </Panel>
  );
}

/** Asks for what is new and keeps what was read. */
function reader(source: Source): () => Promise<WireHeat> {
  let known: WireHeat | null = null;
  return async () => {
    const since = source.run === null ? (known?.columns.at(-1)?.[0] ?? 0) : 0;
    let next = await source.heat(since);
    if (known !== null && next.step !== known.step) {
      known = null;
      next = await source.heat(0);
    }
    const kept = (known?.columns ?? []).filter(([t]) => t < since);
    known = { ...next, columns: [...kept, ...next.columns] };
    return known;
  };
}

function cellText({ x, fromMs, toMs, count }: Cell): string {
  const requests = `${format.count(count)} ${count === 1 ? "request" : "requests"}`;
  return `${format.axisTime(x)} · ${format.time(fromMs)} to ${format.time(toMs)}: ${requests}`;
}

/** The map in words: where most of the requests are. */
function heatSummary(heat: WireHeat | null): string {
  const counts = new Map<number, number>();
  for (const [, cells] of heat?.columns ?? []) {
    for (const [bar, count] of cells) counts.set(bar, (counts.get(bar) ?? 0) + count);
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (heat === null || all === 0) return "Response time heat map: no data yet.";
  const [bar, most] = [...counts].reduce((best, each) => (each[1] > best[1] ? each : best));
  const ms = (place: number) => format.time(2 ** (place / heat.bars_per_doubling) / 1000);
  return `Response time heat map of ${format.count(all)} requests; most of them, ${format.percent(most / all)} %, took ${ms(bar - 1)} to ${ms(bar)}.`;
}
