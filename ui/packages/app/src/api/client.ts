/** Calls to the controller. Addresses are relative, so that the page works under any path prefix. */
import {
  parseSnapshot,
  type WireAbout,
  type WireComparison,
  type WireLabel,
  type WireLoad,
  type WireRun,
  type WireRuns,
  type WireSnapshot,
  type WireStart,
  type WireStop,
  type WireTaskRatios,
} from "@katydid/core";

export const STREAM_URL = "api/v1/stream";

const READ_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 30_000;
const COMMAND_TIMEOUT_MS = 5_000;

/**
 * How a command ended. `done`: with the revision that the run has now; `conflict`: the run is not as the command supposes, but as `run` says;
 * `unreachable`: it did not arrive; `silent`: no answer came in time.
 */
export type Outcome =
  | { kind: "done"; revision: number }
  | { kind: "refused"; field: string | null; message: string }
  | { kind: "conflict"; message: string; run: WireRun }
  | { kind: "unreachable" }
  | { kind: "silent" };

export async function readAbout(): Promise<WireAbout> {
  return JSON.parse(await read("api/v1/run"));
}

export async function readSnapshot(): Promise<WireSnapshot> {
  return parseSnapshot(await read("api/v1/snapshot"));
}

export async function readRuns(): Promise<WireRuns> {
  return JSON.parse(await read("api/v1/runs"));
}

/** Whether any run is kept. */
export async function hasRuns(): Promise<boolean> {
  return JSON.parse(await read("api/v1/runs?limit=1")).runs.length > 0;
}

export async function readComparison(before: string, after: string): Promise<WireComparison> {
  const query = new URLSearchParams({ before, after });
  return JSON.parse(await read(`api/v1/compare?${query}`));
}

/** Forgets a kept run, or keeps it however many there are. */
export function postKept(run: string, change: "delete" | "pin" | "unpin"): Promise<Outcome> {
  return command(`runs/${encodeURIComponent(run)}/${change}`, {});
}

/** Says what a kept run is called, and more of that kind; what is left out stays. */
export function postLabel(run: string, label: Partial<WireLabel>): Promise<Outcome> {
  return command(`runs/${encodeURIComponent(run)}/label`, label);
}

/** How it went to take in a file of a run. */
export type Imported = { kind: "imported"; runs: string[] } | { kind: "refused"; message: string };

/** Sends a file of a run of another machine. */
export async function postImport(file: File): Promise<Imported> {
  let response: Response;
  try {
    response = await fetch("api/v1/runs/import", {
      method: "POST",
      headers: { "content-type": "application/vnd.sqlite3" },
      body: file,
    });
  } catch {
    return { kind: "refused", message: "the controller could not be reached, or it stopped reading" };
  }
  if (response.ok) return { kind: "imported", runs: (await response.json()).runs };
  const refused = refusal(await response.text(), response.status);
  return { kind: "refused", message: "message" in refused ? refused.message : String(response.status) };
}

/** How often each task is chosen, from the route that Locust's clients use, too. */
export async function readTasks(): Promise<WireTaskRatios> {
  return JSON.parse(await read("tasks"));
}

export function postStart(form: WireStart): Promise<Outcome> {
  return command("start", form, START_TIMEOUT_MS);
}

export function postLoad(load: WireLoad): Promise<Outcome> {
  return command("load", load);
}

export function postPause(): Promise<Outcome> {
  return command("pause", {});
}

export function postResume(): Promise<Outcome> {
  return command("resume", {});
}

export function postStop(stop: WireStop): Promise<Outcome> {
  return command("stop", stop);
}

/** Begins a segment; without a name it gets a number. */
export function postSegment(name: string): Promise<Outcome> {
  return command("segment", { name });
}

export function postNote(text: string): Promise<Outcome> {
  return command("note", { text });
}

/** Says what runs are judged by from now on. */
export function postThresholds(thresholds: readonly string[]): Promise<Outcome> {
  return command("thresholds", { thresholds });
}

/** Ends the visit; the server then asks who one is. */
export function postLogout(): Promise<unknown> {
  return fetch("logout", { method: "POST" });
}

/** The text at an address; an error with the server's words if there is none. */
export async function read(url: string): Promise<string> {
  const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(READ_TIMEOUT_MS) });
  if (response.ok) return response.text();
  const refused = refusal(await response.text(), response.status);
  throw new Error("message" in refused ? refused.message : `${url} answered ${response.status}`);
}

/** Gives a command, with an id of its own: however often it arrives, it is carried out once. */
async function command(name: string, fields: object, timeout = COMMAND_TIMEOUT_MS): Promise<Outcome> {
  let response: Response;
  try {
    response = await fetch(`api/v1/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...fields, id: newId() }),
      signal: AbortSignal.timeout(timeout),
    });
  } catch (error) {
    return {
      kind: error instanceof DOMException && error.name === "TimeoutError" ? "silent" : "unreachable",
    };
  }
  if (response.ok) return { kind: "done", revision: (await response.json()).revision };
  return refusal(await response.text(), response.status);
}

/** `crypto.randomUUID` is missing from pages that come without TLS. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
}

/** Reads `{"error": {"field", "message"}}`; any other text is shown as it came. */
function refusal(text: string, status: number): Outcome {
  try {
    const { error, run } = JSON.parse(text);
    const { field, message } = error;
    if (typeof message === "string") {
      if (status === 409 && typeof run === "object" && run !== null)
        return { kind: "conflict", message, run };
      return { kind: "refused", field: typeof field === "string" ? field : null, message };
    }
  } catch {
    // Not our JSON: a proxy's page, perhaps.
  }
  return { kind: "refused", field: null, message: text.slice(0, 300) || `The server answered ${status}.` };
}
