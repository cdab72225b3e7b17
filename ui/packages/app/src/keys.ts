/** Keyboard shortcuts. They are off while typing, and can be turned off altogether. */
import { useEffect } from "react";
import type { Control } from "./components/RunControls";
import { navigate, ofSameRun } from "./route";
import { store, stored } from "./storage";
import { toggleTheme } from "./theme";

const KEY = "katydid.shortcuts";

/** A second key must follow `g` within this time. */
const SEQUENCE_MS = 1_500;

const PLACES: Readonly<Record<string, string>> = {
  o: "/run/overview",
  e: "/run/endpoints",
  r: "/run/errors",
  l: "/run/load",
  w: "/run/workers",
  g: "/run/logs",
  x: "/run/export",
  h: "/runs",
  n: "/new",
};

/** The list that `?` shows. */
export const SHORTCUTS: readonly [keys: string[], what: string][] = [
  [["g", "o"], "Overview"],
  [["g", "e"], "Endpoints"],
  [["g", "r"], "Errors"],
  [["g", "l"], "Load"],
  [["g", "w"], "Workers"],
  [["g", "g"], "Logs"],
  [["g", "x"], "Export"],
  [["g", "h"], "Kept runs"],
  [["g", "n"], "New test"],
  [["E"], "Change the load"],
  [["N"], "Add a note"],
  [["S"], "Stop the test"],
  [["/"], "Filter the table"],
  [["L"], "Back to the whole run"],
  [["T"], "Light or dark"],
  [["←", "→"], "Move the crosshair of a focused chart (Shift: by ten)"],
  [["Home", "End"], "First and last point of a focused chart"],
  [["Esc"], "Close, or leave a zoom"],
  [["?"], "This list"],
];

export function shortcutsEnabled(): boolean {
  return stored(KEY) !== "off";
}

export function enableShortcuts(enabled: boolean): void {
  store(KEY, enabled ? null : "off");
}

export interface Commands {
  /** Opens what changes the run. */
  control: (control: Control) => void;
  help: () => void;
  leave: () => void;
}

export function useShortcuts(commands: Commands): void {
  useEffect(() => {
    let goUntil = 0;
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !shortcutsEnabled())
        return;
      const key = event.key.toLowerCase();
      const place = PLACES[key];
      if (Date.now() < goUntil && place !== undefined) {
        goUntil = 0;
        navigate(ofSameRun(place));
        return;
      }
      goUntil = key === "g" ? Date.now() + SEQUENCE_MS : 0;
      if (perform(key, commands)) event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [commands]);
}

function perform(key: string, { control, help, leave }: Commands): boolean {
  switch (key) {
    case "s":
      control("stop");
      return true;
    case "e":
      control("load");
      return true;
    case "n":
      control("note");
      return true;
    case "l":
      leave();
      return true;
    case "t":
      toggleTheme();
      return true;
    case "?":
      help();
      return true;
    case "/":
      return focusFilter();
    case "escape":
      leave();
      return false;
    default:
      return false;
  }
}

function focusFilter(): boolean {
  const filter = document.querySelector<HTMLInputElement>("input[type=search]");
  filter?.focus();
  return filter !== null;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest("input:not([type=checkbox]), textarea, select") !== null
  );
}
