/**
 * The stream of events, one for all tabs of a browser: over HTTP/1.1 a browser opens six connections
 * to a server, so six tabs with a stream each would leave none for anything else.
 *
 * A shared worker holds the stream and passes events on; where there are none, each tab has its own.
 */
import type { FromWorker, ToWorker } from "./streamWorker";

export interface Handlers {
  frame: (data: string) => void;
  beat: (data: string) => void;
  /** What is known does not lead to what comes. */
  reset: () => void;
  /** The stream broke; `closed` if the browser does not try again by itself. */
  broken: (closed: boolean) => void;
}

/** A stream as long as it is listened to. */
export interface Stream {
  /** Whether the server has answered and the connection holds. */
  isOpen: () => boolean;
  close: () => void;
}

export function openStream(address: string, handlers: Handlers): Stream {
  const url = new URL(address, document.baseURI).href;
  return typeof SharedWorker === "undefined" ? ownStream(url, handlers) : sharedStream(url, handlers);
}

function ownStream(url: string, { frame, beat, reset, broken }: Handlers): Stream {
  const source = new EventSource(url);
  source.addEventListener("frame", (event) => frame(event.data));
  source.addEventListener("hb", (event) => beat(event.data));
  source.addEventListener("reset", reset);
  source.addEventListener("error", () => broken(source.readyState === EventSource.CLOSED));
  return { isOpen: () => source.readyState === EventSource.OPEN, close: () => source.close() };
}

function sharedStream(url: string, { frame, beat, reset, broken }: Handlers): Stream {
  const worker = new SharedWorker(new URL("./streamWorker.ts", import.meta.url), { type: "module" });
  const { port } = worker;
  let open = false;
  let left = false;
  const say = (word: ToWorker) => port.postMessage(word);
  const leave = () => say({ kind: "leave" });
  port.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    if (left) return;
    open = data.kind !== "broken";
    if (data.kind === "frame") frame(data.data);
    else if (data.kind === "beat") beat(data.data);
    else if (data.kind === "reset") reset();
    else if (data.kind === "broken") broken(data.closed);
  });
  // A worker whose script cannot be loaded passes nothing on.
  worker.addEventListener("error", () => !left && broken(true));
  const listen = () => say({ kind: "listen", url });
  port.start();
  addEventListener("pagehide", leave);
  // A page may come back from the browser's cache as it was left.
  addEventListener("pageshow", listen);
  listen();
  return {
    isOpen: () => open,
    close: () => {
      left = true;
      removeEventListener("pagehide", leave);
      removeEventListener("pageshow", listen);
      leave();
    },
  };
}
