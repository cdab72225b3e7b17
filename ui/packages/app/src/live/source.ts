/** Where the documents of a run are: those of this process's run, or of one that is kept. */
import {
  parseSnapshot,
  type WireCrew,
  type WireEndpoint,
  type WireException,
  type WireFailures,
  type WireFaults,
  type WireHeat,
  type WireKeptSnapshot,
  type WireLogs,
  type WireWindow,
  type WireWorkers,
} from "@katydid/core";
import { read } from "../api/client";

/** Seconds of the Unix epoch; the last is not included. */
export interface Stretch {
  from: number;
  to: number;
}

export interface Source {
  /** The id of a kept run; null for the run of this process. */
  run: string | null;
  /** Everything about one endpoint; of a stretch by its number in the store. */
  endpoint: (id: number, stretch?: Stretch) => Promise<WireEndpoint>;
  window: (stretch: Stretch) => Promise<WireWindow>;
  heat: (since: number) => Promise<WireHeat>;
  failures: () => Promise<WireFailures>;
  faults: () => Promise<WireFaults>;
  exceptions: () => Promise<WireException[]>;
  workers: () => Promise<WireWorkers>;
  crew: () => Promise<WireCrew>;
  logs: (after: number | null) => Promise<WireLogs>;
}

/** The run of this process. What scripts did not catch comes from the route that Locust's clients use, too. */
export const CURRENT: Source = {
  ...sourceAt(null, "api/v1"),
  exceptions: async () => JSON.parse(await read("exceptions")).exceptions,
};

/** A run that is kept. */
export function keptSource(run: string): Source {
  return sourceAt(run, `api/v1/runs/${encodeURIComponent(run)}`);
}

/** A kept run, or a stretch of it, as far as it is one document. */
export async function readKept(run: string, stretch?: Stretch): Promise<WireKeptSnapshot> {
  const query = stretch === undefined ? "" : `?from=${stretch.from}&to=${stretch.to}`;
  return parseSnapshot(
    await read(`api/v1/runs/${encodeURIComponent(run)}/snapshot${query}`),
  ) as WireKeptSnapshot;
}

function sourceAt(run: string | null, base: string): Source {
  const stored = run === null ? `${base}/runs/current` : base;
  const json = async (path: string) => JSON.parse(await read(path));
  const query = ({ from, to }: Stretch) => `?from=${from}&to=${to}`;
  return {
    run,
    endpoint: (id, stretch) =>
      json(stretch === undefined ? `${base}/endpoints/${id}` : `${stored}/endpoints/${id}${query(stretch)}`),
    window: (stretch) => json(`${stored}/window${query(stretch)}`),
    heat: (since) => json(run === null ? `${base}/heat?since=${since}` : `${base}/heat`),
    failures: () => json(`${base}/errors/course`),
    faults: () => json(`${base}/errors`),
    exceptions: async () => (await json(`${base}/exceptions`)).exceptions,
    workers: () => json(`${base}/workers`),
    crew: () => json(`${base}/workers/course`),
    logs: (after) => json(after === null ? `${base}/logs` : `${base}/logs?after=${after}`),
  };
}
