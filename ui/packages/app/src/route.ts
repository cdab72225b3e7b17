/**
 * The address of a view, after the `#`: it works under any path prefix and needs no server routes.
 *
 * Filters and sort order live in its query, so a link shows what its sender saw.
 */
import { useSyncExternalStore } from "react";

export interface Route {
  /** The page; of a run without its id. */
  path: string;
  /** The id of a kept run whose page it is; null for the run of this process. */
  run: string | null;
  query: URLSearchParams;
}

function parse(hash: string): Route {
  const [whole = "", text = ""] = hash.replace(/^#/, "").split("?", 2);
  const query = new URLSearchParams(text);
  const [, first, id = "", page] = whole.split("/");
  if (first !== "run" || page === undefined) return { path: whole === "" ? "/" : whole, run: null, query };
  return { path: `/run/${page}`, run: id === "current" ? null : decoded(id), query };
}

/** The path of a page of a run. */
export function runPath(run: string | null, page: string): string {
  return run === null ? `/run/${page}` : `/run/${encodeURIComponent(run)}/${page}`;
}

/** The path of a page: of the run that is looked at now, if it is one of a run. */
export function ofSameRun(path: string): string {
  const page = /^\/run\/(\w+)$/.exec(path)?.[1];
  return page === undefined ? path : runPath(current().run, page);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

let parsed = { hash: "", route: parse("") };

function current(): Route {
  if (location.hash !== parsed.hash) parsed = { hash: location.hash, route: parse(location.hash) };
  return parsed.route;
}

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, current);
}

/** Goes to another view, as a link would. */
export function navigate(path: string): void {
  location.hash = path;
}

/** Goes to another view without a step in the history. */
export function redirect(path: string): void {
  history.replaceState(null, "", `#${path}`);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** One value of the address's query, and a way to set it; the default is not written. */
export function useQuery(name: string, standard: string): [string, (value: string) => void] {
  const { query } = useRoute();
  const set = (value: string) => setQuery(name, value === standard ? null : value);
  return [query.get(name) ?? standard, set];
}

/** Sets one value of the address's query, or takes it out. */
export function setQuery(name: string, value: string | null): void {
  const changed = new URLSearchParams(current().query);
  if (value === null) changed.delete(name);
  else changed.set(name, value);
  const text = changed.toString();
  const [path = ""] = location.hash.replace(/^#/, "").split("?", 1);
  redirect(text === "" ? path : `${path}?${text}`);
}
