import { expect, test } from "vitest";
import { DecodeError, parseFrame, parseSnapshot } from "./decode";
import { Model } from "./model";
import type { WireFrame, WireRow, WireRun, WireSnapshot } from "./wire";

const RUN: WireRun = {
  state: "running",
  host: "http://127.0.0.1:1",
  users: 5,
  target_users: 5,
  users_by_class: { Shopper: 5 },
  spawn_rate: 1,
  started: 1_000_500,
  ended: null,
  run_time: 60,
  cpu_percent: 3,
  memory_bytes: 1024,
  revision: 1,
  in_flight: 1,
  oldest_ms: 12,
  open_files: 20,
  file_limit: 1024,
  workers: null,
};

function row(id: number, requests: number): WireRow {
  return [id, requests, 0, 1, 0, 5, 9, 12, 6, 1, 20, 100];
}

function snapshot(change: Partial<WireSnapshot> = {}): WireSnapshot {
  return {
    boot: "a",
    seq: 10,
    since: 0,
    t: 1_002_000,
    run: RUN,
    names: [[1, "GET", "/a_b?x=<img src=x onerror=alert(1)>"]],
    points: [[1001, 4, 0, 5, 5, 5, 8, 9, 12, null]],
    entries: [row(1, 40)],
    total: row(-1, 40),
    faults: { kinds: 0, last: null },
    truncated: null,
    ...change,
  };
}

function frame(change: Partial<WireFrame> = {}): WireFrame {
  const faults = { kinds: 0, last: null };
  return { seq: 11, since: 10, t: 1_003_000, run: RUN, total: row(-1, 44), faults, ...change };
}

test("names reach the rows exactly as recorded", () => {
  const model = new Model();
  model.load(snapshot());
  expect(model.rows[0]?.name).toBe("/a_b?x=<img src=x onerror=alert(1)>");
});

test("a frame changes only what it carries", () => {
  const model = new Model();
  model.load(snapshot());
  const { faults, rows, seriesVersion } = model;
  model.apply(frame());
  expect(model.total?.requests).toBe(44);
  expect(model.rows).toBe(rows);
  expect(model.faults).toBe(faults);
  expect(model.seriesVersion).toBe(seriesVersion);
});

test("a frame adds names, rows, points and failures", () => {
  const model = new Model();
  model.load(snapshot());
  model.apply(
    frame({
      names: [[2, "POST", "/cart"]],
      entries: [row(2, 4)],
      points: [[1002, 8, 0, 5, 5, 5, 8, 9, 12, null]],
      faults: { kinds: 1, last: 2 },
    }),
  );
  expect(model.rows.map(({ method, name, requests }) => [method, name, requests])).toEqual([
    ["GET", "/a_b?x=<img src=x onerror=alert(1)>", 40],
    ["POST", "/cart", 4],
  ]);
  expect(model.series.length).toBe(2);
  expect(model.faults.kinds).toBe(1);
});

test("an old frame that is replayed after a snapshot is ignored", () => {
  const model = new Model();
  model.load(snapshot());
  model.apply(frame({ seq: 9, total: row(-1, 1) }));
  expect(model.total?.requests).toBe(40);
});

test("a frame that presumes more than is known asks for a snapshot", () => {
  const model = new Model();
  model.load(snapshot());
  expect(model.apply(frame({ seq: 13, since: 12, total: row(-1, 99) }))).toBe(false);
  expect(model.total?.requests).toBe(40);
  expect(model.apply(frame({ seq: 13, since: 9 }))).toBe(true);
});

test("a snapshot of a new run leaves nothing of the old one", () => {
  const model = new Model();
  model.load(snapshot());
  model.load(snapshot({ seq: 2, names: [], entries: [], points: [], total: row(-1, 0) }));
  expect(model.rows).toEqual([]);
  expect(model.series.length).toBe(0);
  expect(model.total?.requests).toBe(0);
});

test("charts begin at the start of the run", () => {
  const model = new Model();
  model.load(snapshot());
  expect(model.origin).toBe(1000);
});

test("a reply that is not a frame is refused", () => {
  for (const text of ["", "[]", "{}", '{"seq":1}', '{"seq":1,"t":2,"run":{}}', "<html>"]) {
    expect(() => parseFrame(text)).toThrow(DecodeError);
  }
  expect(() => parseSnapshot(JSON.stringify(frame()))).toThrow("lacks boot");
  expect(() => new Model().load(snapshot({ run: { ...RUN, state: "flying" } }))).toThrow("flying");
});
