/** The window's title and icon follow the run. */
import { failRatio, format, isActive, type Row, type Run, stateLabel, type Tone } from "@katydid/core";
import { useEffect } from "react";
import err from "./assets/favicon-err.svg";
import idle from "./assets/favicon-idle.svg";
import ok from "./assets/favicon-ok.svg";
import warn from "./assets/favicon-warn.svg";
import { useView } from "./live/hooks";

const ICONS: Readonly<Record<Tone, string>> = { idle, ok, warn, err };

/** "● 1.2k rps · 0.4 % · Running" while a run is under way, else the state alone. */
export function titleOf(run: Run | null, total: Row | null): string {
  if (run === null) return "Katydid";
  const { word } = stateLabel(run);
  if (!isActive(run.state) || total === null) return `${word} · Katydid`;
  const failed = format.percent(failRatio(total.rps, total.failsPerSecond));
  return `● ${format.shortRate(total.rps)} rps · ${failed} % · ${word}`;
}

/** The colour of the icon: the state's, or red while more than one in twenty fails. */
function toneOf(run: Run | null, total: Row | null): Tone {
  if (run === null) return "idle";
  const ratio = total === null ? null : failRatio(total.rps, total.failsPerSecond);
  if (isActive(run.state) && ratio !== null && ratio > 0.05) return "err";
  return stateLabel(run).tone;
}

export function useTitle(): void {
  const run = useView((view) => view.run);
  const total = useView((view) => view.total);
  const title = titleOf(run, total);
  const icon = ICONS[toneOf(run, total)];
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    const link = document.getElementById("favicon");
    if (link instanceof HTMLLinkElement) link.href = icon;
  }, [icon]);
}
