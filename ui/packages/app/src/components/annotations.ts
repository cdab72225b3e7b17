import { type Annotations, type Limit, percentiles, type Span, throughput } from "@katydid/charts";
import type { WireLost, WireMark, WireThreshold } from "@katydid/core";
import { useMemo } from "react";
import { useLive, useView } from "../live/hooks";

/** Marks and shaded stretches for the charts of a run. */
export function useAnnotations(): Annotations {
  const { store } = useLive();
  const marks = useView((view) => view.marks);
  const lost = useView((view) => view.lost);
  const thresholds = useView((view) => view.thresholds);
  // They come with every frame, changed or not.
  const limits = JSON.stringify(limitsOf(thresholds));
  const isPaused = useView((view) => view.run?.state === "paused");
  // A stretch that goes on reaches as far as the data does.
  const end = useView((view) => (isPaused ? view.seriesVersion : 0));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the origin changes with the run, and so do its marks
  return useMemo(() => {
    const origin = store.model.origin;
    const x = (ms: number) => ms / 1000 - origin;
    return {
      marks: marks.map(({ t, kind, text, by }) => ({
        x: x(t),
        text: by === null ? text : `${text} (${by})`,
        isBad: isBad(kind),
      })),
      spans: [...pauses(marks, x, x(store.model.time)), ...losses(lost, x)],
      limits: JSON.parse(limits),
    };
  }, [marks, lost, limits, end, store]);
}

/** Thresholds of all requests that a chart can show as a line. */
function limitsOf(thresholds: readonly WireThreshold[]): Annotations["limits"] {
  const limits: Record<string, Limit[]> = { [percentiles.title]: [], [throughput.title]: [] };
  for (const { metric, clock = "service", part, limit, all, text, standing } of thresholds) {
    const isService = metric === "percentile" && clock === "service";
    const drawn = isService && [0.5, 0.9, 0.95, 0.99].includes(part ?? 0);
    const chart = !all ? null : drawn ? percentiles.title : metric === "rps" ? throughput.title : null;
    if (chart !== null) limits[chart]?.push({ value: limit, text, isPassed: standing === "crossed" });
  }
  return limits;
}

/** Marks in the colour of trouble. */
export function isBad(kind: string): boolean {
  return kind === "health" || kind === "threshold";
}

function pauses(marks: readonly WireMark[], x: (ms: number) => number, now: number): Span[] {
  const spans: Span[] = [];
  let from: number | null = null;
  for (const { kind, t } of marks) {
    if (kind === "pause") from ??= x(t);
    if (from !== null && (kind === "resume" || kind === "stop")) {
      spans.push({ from, to: x(t), kind: "paused" });
      from = null;
    }
  }
  return from === null ? spans : [...spans, { from, to: now, kind: "paused" }];
}

function losses(lost: readonly WireLost[], x: (ms: number) => number): Span[] {
  return lost.map(({ from, until }) => ({ from: x(from), to: x(until), kind: "lost" }));
}
