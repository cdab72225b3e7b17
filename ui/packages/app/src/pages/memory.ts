/** What was typed last, for the next test. */
import { store, stored } from "../storage";
import type { Form } from "./startForm";

const HOSTS = "katydid.hosts";

/** This many hosts are offered again. */
const MAX_HOSTS = 5;

let last: { boot: string; form: Form } | null = null;

/** The form that was started last, unless the controller is another one since. */
export function recallForm(boot: string): Form | null {
  return last !== null && last.boot === boot ? last.form : null;
}

export function rememberForm(boot: string, form: Form): void {
  last = { boot, form };
  const host = form.host.trim();
  if (host === "") return;
  const hosts = [host, ...recallHosts().filter((each) => each !== host)];
  store(HOSTS, JSON.stringify(hosts.slice(0, MAX_HOSTS)));
}

/** The hosts used last, newest first. */
export function recallHosts(): string[] {
  try {
    const hosts: unknown = JSON.parse(stored(HOSTS) ?? "[]");
    return Array.isArray(hosts) ? hosts.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
