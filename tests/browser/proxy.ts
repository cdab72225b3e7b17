/** A proxy between the page and the server, whose ways of failing a test chooses. */
import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface Proxy {
  url: string;
  /** Streams that are open now. */
  streams: () => number;
  /** Ends all connections and lets in no new ones, or lets them in again. */
  cut: (is: boolean) => void;
  close: () => Promise<void>;
}

/** Stands before a server. With `buffering`, what belongs to a stream is held back for ever. */
export async function startProxy(target: string, { buffering = false } = {}): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const streams = new Set<ServerResponse>();
  let isCut = false;
  const server = createServer((incoming, outgoing) => {
    const { method, url = "/", headers } = incoming;
    const forwarded = request({ hostname, port, method, path: url, headers }, (answer) => {
      const isStream = url.endsWith("/stream");
      if (isStream) {
        streams.add(outgoing);
        outgoing.once("close", () => streams.delete(outgoing));
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (isStream && buffering) {
        outgoing.flushHeaders();
        answer.resume();
      } else {
        answer.pipe(outgoing);
      }
      answer.on("error", () => outgoing.destroy());
    });
    forwarded.on("error", () => outgoing.destroy());
    outgoing.once("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  server.on("connection", (socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (is: boolean) => {
    isCut = is;
    if (is) for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    streams: () => streams.size,
    cut,
    close: async () => {
      cut(true);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
