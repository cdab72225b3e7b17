import type { WireAbout } from "@katydid/core";
import { expect, test } from "vitest";
import { defaults, fieldOf, planOf, problems, request, shareOf } from "./startForm";

const ABOUT: WireAbout = {
  version: "0.1.0",
  boot: "b",
  locustfile: "shop.py",
  host: "http://shop.test",
  shape: null,
  stages: null,
  tags: { known: ["slow"], only: [], without: ["slow"] },
  user_classes: [
    { name: "Shopper", weight: 3, fixed_count: 0, host: null, tasks: [] },
    { name: "Visitor", weight: 1, fixed_count: 0, host: null, tasks: [] },
    { name: "Admin", weight: 1, fixed_count: 2, host: null, tasks: [] },
  ],
  defaults: { users: 10, spawn_rate: 2.5, run_time: 90 },
  options: [
    { name: "shop", help: null, value: "books", choices: [], is_secret: false, is_required: true },
    { name: "items", help: null, value: [1, 2], choices: [], is_secret: false, is_required: false },
    { name: "loud", help: null, value: false, choices: [], is_secret: false, is_required: false },
    { name: "note", help: null, value: null, choices: [], is_secret: false, is_required: false },
  ],
};

const OPTIONS = { shop: "books", items: "1,2", loud: "false", note: "" };

const FORM = defaults(ABOUT);

const STAGES = [
  { id: 0, time: "30s", users: "10" },
  { id: 1, time: "2m", users: "10" },
  { id: 2, time: "30s", users: "0" },
];

test("the form begins with the command line's choices", () => {
  expect(FORM).toEqual({
    host: "http://shop.test",
    users: "10",
    spawnRate: "2.5",
    runTime: "1m30s",
    isStaged: false,
    stages: STAGES,
    only: [],
    unwanted: ["slow"],
    without: [],
    options: OPTIONS,
  });
  const bare = defaults({
    ...ABOUT,
    host: null,
    defaults: { users: null, spawn_rate: null, run_time: null },
    options: [],
  });
  expect(bare).toEqual({
    host: "",
    users: "1",
    spawnRate: "1",
    runTime: "",
    isStaged: false,
    stages: STAGES,
    only: [],
    unwanted: ["slow"],
    without: [],
    options: {},
  });
});

test("every bad field is named, and a good form has no problem", () => {
  expect(problems(FORM, ABOUT)).toEqual({});
  const bad = {
    host: "shop",
    users: "1.5",
    spawnRate: "0",
    runTime: "soon",
    isStaged: false,
    stages: STAGES,
    only: [],
    unwanted: ["slow"],
    without: ["Shopper", "Visitor", "Admin"],
    options: { ...OPTIONS, shop: "" },
  };
  expect(Object.keys(problems(bad, ABOUT)).sort()).toEqual([
    "classes",
    "host",
    "options",
    "runTime",
    "spawnRate",
    "users",
  ]);
  expect(problems({ ...FORM, users: "" }, ABOUT).users).toBeDefined();
  expect(problems({ ...FORM, runTime: "0" }, ABOUT).runTime).toBeDefined();
});

test("all classes are sent as none chosen, a choice as its names", () => {
  expect(request(FORM, ABOUT)).toEqual({
    users: 10,
    spawn_rate: 2.5,
    stages: [],
    tags: [],
    exclude_tags: ["slow"],
    host: null,
    run_time: "1m30s",
    user_classes: null,
    options: OPTIONS,
  });
  expect(request({ ...FORM, without: ["Visitor"] }, ABOUT).user_classes).toEqual(["Shopper", "Admin"]);
  expect(request({ ...FORM, host: " ", runTime: "" }, ABOUT)).toMatchObject({ host: null, run_time: null });
  expect(request({ ...FORM, host: "http://b.test" }, ABOUT).host).toBe("http://b.test");
});

test("stages take the place of users, rate and run time", () => {
  const form = { ...FORM, isStaged: true, users: "x", stages: [{ id: 1, time: "1m", users: "50" }] };
  expect(problems(form, ABOUT)).toEqual({});
  expect(request(form, ABOUT)).toMatchObject({
    users: null,
    spawn_rate: null,
    run_time: null,
    stages: [[60, 50]],
  });
  expect(shareOf("Shopper", form, ABOUT)?.users).toBe(36);
  for (const bad of [{ time: "soon" }, { users: "" }, { users: "1.5" }, { users: "0" }]) {
    const stages = [{ id: 1, time: "1m", users: "50", ...bad }];
    expect(Object.keys(problems({ ...form, stages }, ABOUT))).toEqual(["stages"]);
  }
  const again = defaults({ ...ABOUT, stages: [[90, 5]] });
  expect(again).toMatchObject({ isStaged: true, stages: [{ time: "1m30s", users: "5" }] });
});

test("classes share the users by weight after the fixed ones", () => {
  expect(shareOf("Admin", FORM, ABOUT)).toEqual({ users: 2, ratio: 0.2 });
  expect(shareOf("Shopper", FORM, ABOUT)).toEqual({ users: 6, ratio: 0.6 });
  expect(shareOf("Visitor", { ...FORM, without: ["Visitor"] }, ABOUT)).toBeNull();
});

test("the preview waits until the numbers can be used", () => {
  expect(planOf(FORM)).toEqual({ users: 10, spawnRate: 2.5, runTime: 90 });
  expect(planOf({ ...FORM, runTime: "" })?.runTime).toBeNull();
  for (const bad of [{ users: "x" }, { spawnRate: "0" }, { runTime: "soon" }]) {
    expect(planOf({ ...FORM, ...bad })).toBeNull();
  }
});

test("the server's field names lead to the fields of the form", () => {
  expect(["spawn_rate", "run_time", "nonsense", null].map(fieldOf)).toEqual([
    "spawnRate",
    "runTime",
    null,
    null,
  ]);
});
