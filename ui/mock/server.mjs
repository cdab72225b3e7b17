/**
 * A stand-in for Katydid's web server: serves `ui/dist` and speaks the web API with invented data.
 *
 *     node mock/server.mjs [--port 8089] [--names 10] [--past 300] [--users 200]
 *
 * `--past` begins with a run that has lasted that many seconds.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Load } from "./load.mjs";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8089" },
    names: { type: "string", default: "10" },
    past: { type: "string", default: "0" },
    users: { type: "string", default: "200" },
  },
});

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const HOST = "http://127.0.0.1:8000";
const DURATION = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?$/;

/** What the stand-in knows nothing about. */
const EMPTY = {
  "GET /api/v1/heat": { step: 1, bars_per_doubling: 4, columns: [] },
  "GET /api/v1/errors": { t: 0, errors: [], others: 0 },
  "GET /api/v1/workers": { t: 0, workers: [] },
  "GET /api/v1/logs": { lines: [], next: 0, dropped: 0 },
  "GET /exceptions": { exceptions: [] },
  "GET /tasks": { per_class: {}, total: {} },
  "GET /api/v1/endpoints/-1": {
    id: -1,
    method: "",
    name: "Aggregated",
    requests: 0,
    failures: 0,
    bytes_in: 0,
    bytes_out: 0,
    last: null,
    statuses: [],
    phases: [],
    percentiles: [],
    histogram: [],
    series: null,
  },
};

const boot = Math.random().toString(36).slice(2, 10);
const load = new Load({ names: Number(options.names), host: HOST });
const streams = new Set();
let seq = 0;

const past = Number(options.past);
if (past > 0) {
  const start = Date.now() - past * 1000;
  load.start({ users: Number(options.users), spawnRate: 5, host: HOST, runTime: null }, start);
  for (let second = 1; second <= past; second += 1) load.second(start + second * 1000);
}

const about = {
  version: "0.1.0",
  boot,
  locustfile: "shop.py",
  host: HOST,
  shape: null,
  user_classes: [
    {
      name: "Shopper",
      weight: 3,
      fixed_count: 0,
      host: null,
      tasks: [
        { name: "browse_products", weight: 10 },
        { name: "search", weight: 4 },
        { name: "add_to_cart", weight: 3 },
        { name: "checkout", weight: 1 },
      ],
    },
    { name: "Visitor", weight: 1, fixed_count: 0, host: null, tasks: [{ name: "front_page", weight: 1 }] },
  ],
  defaults: { users: 1, spawn_rate: 1, run_time: null },
  options: [
    {
      name: "basket",
      help: "what goes into the basket",
      value: "books",
      choices: ["books", "toys"],
      is_secret: false,
      is_required: false,
    },
    {
      name: "hurry",
      help: "skip the detours",
      value: false,
      choices: [],
      is_secret: false,
      is_required: false,
    },
  ],
};

function frame() {
  return {
    seq,
    since: Math.max(0, seq - 1),
    t: Date.now(),
    run: load.run(),
    entries: load.rows(),
    total: load.total(),
    recent: load.recent(),
    faults: load.faults(),
    marks: [],
    health: [],
    lost: [],
  };
}

function snapshot() {
  const names = load.endpoints.map(({ id, method, name }) => [id, method, name]);
  return {
    ...frame(),
    since: 0,
    boot,
    names,
    points: load.points,
    truncated: null,
  };
}

function send(event, data) {
  const text = `${event === "frame" ? `id: ${boot}-${data.seq}\n` : ""}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  for (const stream of streams) stream.write(text);
}

function sendFrame(known) {
  seq += 1;
  send("frame", { ...frame(), points: load.points.slice(known) });
}

setInterval(() => {
  const known = load.points.length;
  const active = load.state === "spawning" || load.state === "running";
  load.second(Date.now());
  if (active) sendFrame(known);
}, 1000);

setInterval(() => {
  if (load.state !== "spawning" && load.state !== "running") send("hb", { t: Date.now() });
}, 2000);

function problem(field, message) {
  return { status: 422, body: { error: { field, message } } };
}

function start(form) {
  const match = form.run_time === null ? null : DURATION.exec(form.run_time);
  if (!(form.users >= 1)) return problem("users", "users must be at least 1");
  if (!(form.spawn_rate > 0)) return problem("spawn_rate", "spawn rate must be above 0");
  if (form.run_time !== null && match === null)
    return problem("run_time", "not a valid run time: use 30s, 5m or 1h30m");
  if (form.host === "http://refused") return problem("host", "this host is refused by the script");
  const [, hours = 0, minutes = 0, seconds = 0] = match ?? [];
  const runTime = match === null ? null : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  load.start({ users: form.users, spawnRate: form.spawn_rate, host: form.host, runTime }, Date.now());
  seq += 1;
  send("reset", {});
  return { status: 200, body: { ok: true } };
}

function stop() {
  load.stop(Date.now());
  sendFrame(load.points.length);
  return { status: 200, body: { ok: true } };
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString() || "{}");
}

function json(response, status, value) {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(value));
}

function stream(response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(`event: hb\ndata: ${JSON.stringify({ t: Date.now() })}\n\n`);
  streams.add(response);
  response.on("close", () => streams.delete(response));
}

async function asset(path, response) {
  const file = normalize(path === "/" ? "/index.html" : path);
  try {
    const data = await readFile(join(DIST, file));
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-security-policy": "default-src 'self'",
    });
    response.end(data);
  } catch {
    json(response, 404, { error: { field: null, message: "not found" } });
  }
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://mock");
  const route = `${request.method} ${pathname}`;
  if (route === "GET /api/v1/run") json(response, 200, about);
  else if (route === "GET /api/v1/snapshot") json(response, 200, snapshot());
  else if (route === "GET /api/v1/stream") stream(response);
  else if (EMPTY[route] !== undefined) json(response, 200, EMPTY[route]);
  else if (route === "POST /api/v1/start") {
    const { status, body: reply } = start(await body(request));
    json(response, status, reply);
  } else if (route === "POST /api/v1/stop") json(response, 200, stop().body);
  else await asset(pathname, response);
});

server.listen(Number(options.port), "127.0.0.1", () => {
  console.error(
    `Starting web interface at http://127.0.0.1:${server.address().port}, press enter to open your default browser.`,
  );
});
