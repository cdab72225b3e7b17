/** Light or dark: what the system says until the reader chooses. */
import { useSyncExternalStore } from "react";
import { store, stored } from "./storage";

const KEY = "katydid.theme";

export type Theme = "light" | "dark";

const listeners = new Set<() => void>();
const system = matchMedia("(prefers-color-scheme: dark)");

function shown(): Theme {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

function show(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  for (const listener of listeners) listener();
}

system.addEventListener("change", ({ matches }) => {
  if (stored(KEY) === null) show(matches ? "dark" : "light");
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, shown);
}

export type ThemeChoice = Theme | "system";

/** What the reader has chosen. */
export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(subscribe, choice);
}

function choice(): ThemeChoice {
  const kept = stored(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** Chooses a theme, or to follow the system. */
export function chooseTheme(wanted: ThemeChoice): void {
  store(KEY, wanted === "system" ? null : wanted);
  show(wanted === "system" ? (system.matches ? "dark" : "light") : wanted);
}

/** Changes to the other theme. Back at the system's own, the page follows the system again. */
export function toggleTheme(): void {
  const next: Theme = shown() === "dark" ? "light" : "dark";
  chooseTheme(next === (system.matches ? "dark" : "light") ? "system" : next);
}
