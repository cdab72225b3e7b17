/** A shared worker: holds one stream and passes its events on to every tab that listens. */

/** What a tab says. */
export type ToWorker = { kind: "listen"; url: string } | { kind: "leave" };

/** What a tab is told. */
export type FromWorker =
  | { kind: "open" }
  | { kind: "frame"; data: string }
  | { kind: "beat"; data: string }
  | { kind: "reset" }
  | { kind: "broken"; closed: boolean };

const listeners = new Set<MessagePort>();
let source: EventSource | null = null;

function tell(word: FromWorker): void {
  for (const port of listeners) port.postMessage(word);
}

function listen(port: MessagePort, url: string): void {
  listeners.add(port);
  if (source !== null && source.readyState !== EventSource.CLOSED) {
    if (source.readyState === EventSource.OPEN) port.postMessage({ kind: "open" } satisfies FromWorker);
    return;
  }
  const opened = new EventSource(url);
  source = opened;
  opened.addEventListener("open", () => tell({ kind: "open" }));
  opened.addEventListener("frame", (event) => tell({ kind: "frame", data: event.data }));
  opened.addEventListener("hb", (event) => tell({ kind: "beat", data: event.data }));
  opened.addEventListener("reset", () => tell({ kind: "reset" }));
  opened.addEventListener("error", () => {
    tell({ kind: "broken", closed: opened.readyState === EventSource.CLOSED });
  });
}

function leave(port: MessagePort): void {
  listeners.delete(port);
  if (listeners.size > 0) return;
  source?.close();
  source = null;
}

addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0];
  if (port === undefined) return;
  port.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === "listen") listen(port, data.url);
    else leave(port);
  });
  port.start();
});
