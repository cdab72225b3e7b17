import { format, parseDuration, type Run, type WireAbout, type WireLoad } from "@katydid/core";
import { Dialog } from "radix-ui";
import { type FormEvent, useRef, useState } from "react";
import { postLoad } from "../api/client";
import { Icon } from "./Icon";
import styles from "./LoadDrawer.module.css";
import { TextField } from "./TextField";

interface Form {
  users: string;
  spawnRate: string;
  runTime: string;
  /** Weights by class, as typed; empty for what it was. */
  weights: Readonly<Record<string, string>>;
}

type Problem = { field: string | null; message: string };

/** Changes the number of users, their rate and their classes, beside the charts that show the effect. */
export function LoadDrawer({ about, run, onClose }: { about: WireAbout; run: Run; onClose: () => void }) {
  // The state the form rests on: a change of somebody else's is not overwritten unseen.
  const [base, setBase] = useState({ revision: run.revision, users: run.targetUsers });
  const [form, setForm] = useState<Form>(() => formOf(run));
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [undo, setUndo] = useState<number | null>(null);
  const opener = useRef(document.activeElement);
  const changed = base.revision < run.revision && base.users !== run.targetUsers;

  const send = async (load: WireLoad) => {
    setPending(true);
    setProblem(null);
    const before = run.targetUsers;
    const outcome = await postLoad({ ...load, revision: base.revision });
    setPending(false);
    if (outcome.kind === "done") {
      setUndo(load.users === undefined || load.users === before ? null : before);
      // The frame that tells it may come later than the answer.
      setBase({ revision: outcome.revision, users: load.users ?? before });
    } else if (outcome.kind === "conflict") {
      setProblem({
        field: null,
        message: `Somebody else has changed the run: ${format.count(outcome.run.target_users)} users are wanted now.`,
      });
      setBase({ revision: outcome.run.revision, users: outcome.run.target_users });
    } else if (outcome.kind === "refused") {
      setProblem({ field: outcome.field, message: outcome.message });
    } else {
      setProblem({ field: null, message: "Could not reach the controller; nothing was changed." });
    }
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (pending) return;
    const found = problemOf(form);
    if (found !== null) setProblem(found);
    else void send(requestOf(form));
  };

  const users = Number(form.users);
  const set = (part: Partial<Form>) => setForm({ ...form, ...part });
  const setUsers = (wanted: number) => set({ users: String(Math.max(1, Math.round(wanted))) });
  const field = (name: "users" | "spawnRate" | "runTime", server: string) => ({
    field: server,
    value: form[name],
    problem: problem?.field === server ? problem.message : undefined,
    onChange: (value: string) => set({ [name]: value }),
    onBlur: () => {},
  });
  return (
    <Dialog.Root open modal={false} onOpenChange={(open) => !open && onClose()}>
      <Dialog.Content
        className={styles.drawer}
        aria-describedby={undefined}
        onOpenAutoFocus={(event) => {
          event.preventDefault();
          document.getElementById("load-users")?.focus();
        }}
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          if (opener.current instanceof HTMLElement) opener.current.focus();
        }}
        // The charts beside it stay in use.
        onInteractOutside={(event) => event.preventDefault()}
      >
        <div className={styles.head}>
          <Dialog.Title>Change load</Dialog.Title>
          <Dialog.Close className={styles.close} aria-label="Close">
            <Icon name="close" />
          </Dialog.Close>
        </div>
        <dl className={styles.now}>
          <div>
            <dt>Wanted</dt>
            <dd data-testid="wanted">{format.count(run.targetUsers)}</dd>
          </div>
          <div>
            <dt>Running</dt>
            <dd data-testid="running">{format.count(run.users)}</dd>
          </div>
          <div>
            <dt>Ramp</dt>
            <dd>{format.rate(run.spawnRate)}/s</dd>
          </div>
        </dl>
        {about.shape !== null ? (
          <p className={styles.notice}>
            The load shape <code>{about.shape}</code> decides how many users run. It cannot be changed from
            here while the test runs.
          </p>
        ) : (
          <form noValidate onSubmit={submit} className={styles.form}>
            <TextField
              id="load-users"
              {...field("users", "users")}
              label="Users"
              hint=""
              inputMode="numeric"
            />
            <div className={styles.steps}>
              {STEPS.map(([label, of]) => (
                <button key={label} type="button" onClick={() => setUsers(of(users || run.targetUsers))}>
                  {label}
                </button>
              ))}
            </div>
            <TextField
              id="load-rate"
              {...field("spawnRate", "spawn_rate")}
              label="Ramp"
              hint="users per second"
              inputMode="decimal"
            />
            <TextField
              id="load-time"
              {...field("runTime", "run_time")}
              label="Run time from now"
              hint="leave empty to keep"
              inputMode="text"
              placeholder="5m"
            />
            {about.user_classes.length > 1 && <Weights about={about} form={form} run={run} onChange={set} />}
            <p className={styles.preview} data-testid="preview">
              {previewOf(form, run)}
            </p>
            {changed && problem === null && (
              <p className={styles.notice} role="status">
                Somebody else has changed the load: {format.count(run.targetUsers)} users are wanted now.
              </p>
            )}
            {problem !== null && problem.field === null && (
              <p className={styles.problem} role="alert">
                {problem.message}
              </p>
            )}
            <div className={styles.actions}>
              {undo !== null && (
                <button type="button" onClick={() => void send({ users: undo })}>
                  Back to {format.count(undo)}
                </button>
              )}
              <button type="submit" className={styles.submit} aria-disabled={pending}>
                {pending ? "Applying…" : problem?.field === null ? "Apply anyway" : "Apply"}
              </button>
            </div>
          </form>
        )}
      </Dialog.Content>
    </Dialog.Root>
  );
}

const STEPS: readonly [label: string, of: (users: number) => number][] = [
  ["−10", (users) => users - 10],
  ["+10", (users) => users + 10],
  ["÷2", (users) => users / 2],
  ["×2", (users) => users * 2],
];

/** How often each class is chosen, and how many of it run. */
function Weights({
  about,
  form,
  run,
  onChange,
}: {
  about: WireAbout;
  form: Form;
  run: Run;
  onChange: (part: Partial<Form>) => void;
}) {
  return (
    <fieldset className={styles.weights}>
      <legend>Weights of the user classes</legend>
      {about.user_classes.map(({ name, weight, fixed_count }) => (
        <div key={name} className={styles.weight}>
          <span>{name}</span>
          <span className={styles.running}>{format.count(run.usersByClass.get(name) ?? 0)} running</span>
          {fixed_count > 0 ? (
            <span className={styles.running}>fixed {fixed_count}</span>
          ) : (
            <input
              inputMode="decimal"
              value={form.weights[name] ?? ""}
              placeholder={String(weight)}
              aria-label={`Weight of ${name}`}
              onChange={({ target }) => onChange({ weights: { ...form.weights, [name]: target.value } })}
            />
          )}
        </div>
      ))}
    </fieldset>
  );
}

function formOf(run: Run): Form {
  return {
    users: String(run.targetUsers),
    spawnRate: String(run.spawnRate > 0 ? run.spawnRate : 1),
    runTime: "",
    weights: {},
  };
}

function problemOf({ users, spawnRate, runTime, weights }: Form): Problem | null {
  const count = Number(users);
  if (users.trim() === "" || !Number.isInteger(count) || count < 1) {
    return { field: "users", message: "Enter a whole number of users, 1 or more." };
  }
  const rate = Number(spawnRate);
  if (spawnRate.trim() === "" || !Number.isFinite(rate) || rate <= 0) {
    return { field: "spawn_rate", message: "Enter how many users start per second, more than 0." };
  }
  if (runTime.trim() !== "" && !((parseDuration(runTime) ?? 0) > 0)) {
    return { field: "run_time", message: "Enter a time like 30s or 5m, or leave it empty." };
  }
  const bad = Object.entries(weights).find(([, text]) => text.trim() !== "" && !(Number(text) >= 0));
  return bad === undefined ? null : { field: null, message: `Enter a number for the weight of ${bad[0]}.` };
}

function requestOf({ users, spawnRate, runTime, weights }: Form): WireLoad {
  const given = Object.entries(weights).filter(([, text]) => text.trim() !== "");
  return {
    users: Number(users),
    spawn_rate: Number(spawnRate),
    ...(runTime.trim() === "" ? {} : { run_time: runTime.trim() }),
    ...(given.length === 0
      ? {}
      : { user_classes: Object.fromEntries(given.map(([name, text]) => [name, Number(text)])) }),
  };
}

/** "500 → 600 users in 20 s" */
function previewOf(form: Form, run: Run): string {
  if (problemOf(form) !== null) return "";
  const users = Number(form.users);
  if (users === run.targetUsers) return `${format.count(users)} users, as now`;
  const seconds = Math.abs(users - run.users) / Number(form.spawnRate);
  return `${format.count(run.targetUsers)} → ${format.count(users)} users in about ${format.time(seconds * 1000)}`;
}
