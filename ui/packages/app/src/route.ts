/**
 * The address of a view, after the `#`: it works under any path prefix and needs no server routes.
 *
 * Filters and sort order live in its query, so a link shows what its sender saw.
 */
import { useSyncExternalStore } from "react";

export interface Route {
  path: string;
  query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  return { path: path === "" ? "/" : path, query: new URLSearchParams(query) };
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
  const { path, query } = useRoute();
  const set = (value: string) => {
    const changed = new URLSearchParams(query);
    if (value === standard) changed.delete(name);
    else changed.set(name, value);
    const text = changed.toString();
    redirect(text === "" ? path : `${path}?${text}`);
  };
  return [query.get(name) ?? standard, set];
}
