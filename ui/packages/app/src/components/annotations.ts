import type { Annotations, Span } from "@katydid/charts";
import type { WireLost, WireMark } from "@katydid/core";
import { useMemo } from "react";
import { useLive, useView } from "../live/hooks";

/** Marks and shaded stretches for the charts of a run. */
export function useAnnotations(): Annotations {
  const { store } = useLive();
  const marks = useView((view) => view.marks);
  const lost = useView((view) => view.lost);
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
    };
  }, [marks, lost, end, store]);
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
