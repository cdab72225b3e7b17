/** Calls to the controller. Addresses are relative, so that the page works under any path prefix. */
import {
  parseSnapshot,
  type WireAbout,
  type WireEndpoint,
  type WireLogs,
  type WireSnapshot,
  type WireStart,
  type WireWorkers,
} from "@katydid/core";

export const STREAM_URL = "api/v1/stream";

const READ_TIMEOUT_MS = 10_000;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;

/** How a command ended. `unreachable`: it did not arrive; `silent`: no answer came in time. */
export type Outcome =
  | { kind: "done" }
  | { kind: "refused"; field: string | null; message: string }
  | { kind: "unreachable" }
  | { kind: "silent" };

export async function readAbout(): Promise<WireAbout> {
  return JSON.parse(await read("api/v1/run"));
}

export async function readSnapshot(): Promise<WireSnapshot> {
  return parseSnapshot(await read("api/v1/snapshot"));
}

export async function readEndpoint(id: number): Promise<WireEndpoint> {
  return JSON.parse(await read(`api/v1/endpoints/${id}`));
}

export async function readWorkers(): Promise<WireWorkers> {
  return JSON.parse(await read("api/v1/workers"));
}

export async function readLogs(after: number | null): Promise<WireLogs> {
  return JSON.parse(await read(after === null ? "api/v1/logs" : `api/v1/logs?after=${after}`));
}

export function postStart(form: WireStart): Promise<Outcome> {
  return post("api/v1/start", form, START_TIMEOUT_MS);
}

export function postStop(): Promise<Outcome> {
  return post("api/v1/stop", {}, STOP_TIMEOUT_MS);
}

async function read(url: string): Promise<string> {
  const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(READ_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.text();
}

async function post(url: string, body: unknown, timeout: number): Promise<Outcome> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
    });
  } catch (error) {
    return {
      kind: error instanceof DOMException && error.name === "TimeoutError" ? "silent" : "unreachable",
    };
  }
  if (response.ok) return { kind: "done" };
  return refusal(await response.text(), response.status);
}

/** Reads `{"error": {"field", "message"}}`; any other text is shown as it came. */
function refusal(text: string, status: number): Outcome {
  try {
    const { field, message } = JSON.parse(text).error;
    if (typeof message === "string") {
      return { kind: "refused", field: typeof field === "string" ? field : null, message };
    }
  } catch {
    // Not our JSON: a proxy's page, perhaps.
  }
  return { kind: "refused", field: null, message: text.slice(0, 300) || `The server answered ${status}.` };
}
