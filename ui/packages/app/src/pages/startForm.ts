/** The start form's values: where they begin, what is wrong with them, what is sent. */
import { formatDuration, type Plan, parseDuration, type WireAbout, type WireStart } from "@katydid/core";

/** A stage as typed. */
export interface StageRow {
  /** Tells rows apart while they are edited. */
  id: number;
  time: string;
  users: string;
}

/** The fields as typed. */
export interface Form {
  host: string;
  users: string;
  spawnRate: string;
  runTime: string;
  /** Whether the stages decide about the users, and not the three fields above. */
  isStaged: boolean;
  stages: readonly StageRow[];
  /** Tags of which a task must have one, if there are any, and those of which it must have none. */
  only: readonly string[];
  unwanted: readonly string[];
  /** Names of the user classes that are left out. */
  without: readonly string[];
  /** The script's own options, a flag as "true" or "false". */
  options: Readonly<Record<string, string>>;
}

export type Field = "host" | "users" | "spawnRate" | "runTime" | "stages" | "options" | "classes";

export type Problems = Partial<Record<Field, string>>;

/** The fields from top to bottom, so that the first bad one can be found. */
export const FIELDS: readonly Field[] = [
  "host",
  "users",
  "spawnRate",
  "runTime",
  "stages",
  "options",
  "classes",
];

/** The server's names of the fields. */
const FIELD_OF: Readonly<Record<string, Field>> = {
  host: "host",
  users: "users",
  user_count: "users",
  spawn_rate: "spawnRate",
  run_time: "runTime",
  stages: "stages",
  user_classes: "classes",
  options: "options",
};

export function fieldOf(serverName: string | null): Field | null {
  return serverName === null ? null : (FIELD_OF[serverName] ?? null);
}

/** What the form begins with: the command line's choices. */
export function defaults({ host, defaults: given, options, stages, tags }: WireAbout): Form {
  const { users, spawn_rate, run_time } = given;
  return {
    host: host ?? "",
    users: String(users ?? 1),
    spawnRate: String(spawn_rate ?? 1),
    runTime: typeof run_time === "number" ? formatDuration(run_time) : (run_time ?? ""),
    isStaged: stages !== null,
    stages: (
      stages ?? [
        [30, 10],
        [120, 10],
        [30, 0],
      ]
    ).map(([seconds, users], id) => ({
      id,
      time: formatDuration(seconds),
      users: String(users),
    })),
    only: tags.only,
    unwanted: tags.without,
    without: [],
    options: Object.fromEntries(
      options.map(({ name, value }) => [name, value === null ? "" : String(value)]),
    ),
  };
}

/** What is wrong, by field. An empty object means that the form can be sent. */
export function problems(form: Form, about: WireAbout): Problems {
  const found: Problems = form.isStaged ? stageProblems(form) : loadProblems(form);
  const missing = about.options.find((each) => each.is_required && (form.options[each.name] ?? "") === "");
  if (missing !== undefined) found.options = `Enter a value for ${missing.name}.`;
  const classes = about.user_classes;
  if (classes.length > 0 && chosen(form, about).length === 0) {
    found.classes = "Choose at least one user class.";
  }
  const host = form.host.trim();
  if (host !== "" && !/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(host)) {
    found.host = "Enter the host with its scheme, like https://shop.test.";
  }
  return found;
}

function stageProblems(form: Form): Problems {
  const stages = stagesOf(form);
  if (stages === null)
    return { stages: "Every stage needs a time like 30s or 5m, and a whole number of users." };
  if (!stages.some(([, users]) => users > 0)) return { stages: "One stage at least needs users." };
  return {};
}

function loadProblems(form: Form): Problems {
  const found: Problems = {};
  const users = Number(form.users);
  if (form.users.trim() === "" || !Number.isInteger(users) || users < 1) {
    found.users = "Enter a whole number of users, 1 or more.";
  }
  const rate = Number(form.spawnRate);
  if (form.spawnRate.trim() === "" || !Number.isFinite(rate) || rate <= 0) {
    found.spawnRate = "Enter how many users start per second, more than 0.";
  }
  const runTime = form.runTime.trim();
  if (runTime !== "" && !((parseDuration(runTime) ?? 0) > 0)) {
    found.runTime = "Enter a run time like 30s, 5m or 1h30m, or leave it empty.";
  }
  return found;
}

/** The stages as numbers, or null while one is not usable. */
export function stagesOf({ stages }: Form): [seconds: number, users: number][] | null {
  const read = stages.map(({ time, users }): [number, number] => [
    parseDuration(time) ?? 0,
    users.trim() === "" ? Number.NaN : Number(users),
  ]);
  const usable = read.every(([seconds, users]) => seconds >= 1 && Number.isInteger(users) && users >= 0);
  return usable && read.length > 0 ? read : null;
}

/** The names of the user classes that take part. */
export function chosen(form: Form, about: WireAbout): string[] {
  return about.user_classes.map(({ name }) => name).filter((name) => !form.without.includes(name));
}

/** What the preview draws, or null while a number is not usable. */
export function planOf(form: Form): Plan | null {
  const users = Number(form.users);
  const spawnRate = Number(form.spawnRate);
  const runTime = form.runTime.trim() === "" ? null : parseDuration(form.runTime);
  const usable = Number.isInteger(users) && users >= 1 && spawnRate > 0 && Number.isFinite(spawnRate);
  if (!usable || runTime === 0 || (runTime === null && form.runTime.trim() !== "")) return null;
  return { users, spawnRate, runTime };
}

export function request(form: Form, about: WireAbout): WireStart {
  const host = form.host.trim();
  return {
    users: form.isStaged ? null : Number(form.users),
    spawn_rate: form.isStaged ? null : Number(form.spawnRate),
    stages: form.isStaged ? (stagesOf(form) ?? []) : [],
    // What was shown may lack a password that the server knows.
    host: host === "" || host === about.host ? null : host,
    run_time: form.isStaged || form.runTime.trim() === "" ? null : form.runTime.trim(),
    ...(about.tags.known.length > 0 ? { tags: [...form.only], exclude_tags: [...form.unwanted] } : {}),
    user_classes: form.without.length === 0 ? null : chosen(form, about),
    options: { ...form.options },
  };
}

/** How many of the users a class gets: fixed counts first, the rest by weight. */
export function shareOf(name: string, form: Form, about: WireAbout): { users: number; ratio: number } | null {
  const peak = Math.max(0, ...(stagesOf(form) ?? []).map(([, users]) => users));
  const total = form.isStaged ? peak || undefined : planOf(form)?.users;
  const taking = about.user_classes.filter((each) => !form.without.includes(each.name));
  const own = taking.find((each) => each.name === name);
  if (total === undefined || own === undefined) return null;
  const fixed = taking.reduce((sum, each) => sum + each.fixed_count, 0);
  if (own.fixed_count > 0) {
    const users = Math.min(own.fixed_count, total);
    return { users, ratio: users / total };
  }
  const weights = taking.filter((each) => each.fixed_count === 0).reduce((sum, each) => sum + each.weight, 0);
  const users = weights > 0 ? (Math.max(0, total - fixed) * own.weight) / weights : 0;
  return { users: Math.round(users), ratio: users / total };
}
