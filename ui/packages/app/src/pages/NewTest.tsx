import { isActive, type Plan, type PlanShape, planShape, stagesShape, type WireAbout } from "@katydid/core";
import { type FormEvent, useRef, useState } from "react";
import { postStart } from "../api/client";
import { EmptyState } from "../components/EmptyState";
import { Icon } from "../components/Icon";
import { whyForbidden } from "../components/RunControls";
import { TextField } from "../components/TextField";
import { useLive, useView } from "../live/hooks";
import { navigate } from "../route";
import { ClassPicker } from "./ClassPicker";
import { recallForm, recallHosts, rememberForm } from "./memory";
import styles from "./NewTest.module.css";
import type { PageProps } from "./Page";
import { PlanPreview, stagesWords, words } from "./PlanPreview";
import { ScriptOptions } from "./ScriptOptions";
import { StageRows } from "./StageRows";
import {
  defaults,
  FIELDS,
  type Field,
  type Form,
  fieldOf,
  planOf,
  problems,
  request,
  stagesOf,
} from "./startForm";
import { TagPicker } from "./TagPicker";
import { Thresholds } from "./Thresholds";

/** The start form, once the script is known. */
export function NewTest({ about }: PageProps) {
  return (
    <div className={styles.page}>
      <h1>New test</h1>
      {about !== null && <StartForm key={about.boot} about={about} />}
      {about !== null && <Thresholds about={about} />}
    </div>
  );
}

function StartForm({ about }: { about: WireAbout }) {
  const { store } = useLive();
  const active = useView((view) => view.run !== null && isActive(view.run.state));
  const workers = useView((view) => view.run?.workers?.connected ?? null);
  const lonely = workers === 0;
  const [form, setForm] = useState<Form>(() => recallForm(about.boot) ?? defaults(about));
  const [seen, setSeen] = useState<ReadonlySet<Field>>(new Set());
  const [refusal, setRefusal] = useState<{ field: Field; message: string; form: Form } | null>(null);
  const [pending, setPending] = useState(false);
  const element = useRef<HTMLFormElement>(null);

  const found = problems(form, about);
  const problemOf = (field: Field): string | undefined => {
    if (refusal !== null && refusal.field === field && refusal.form === form) return refusal.message;
    return seen.has(field) ? found[field] : undefined;
  };
  const change = (part: Partial<Form>) => setForm({ ...form, ...part });
  const blur = (field: Field) => setSeen(new Set([...seen, field]));
  const text = (field: Exclude<Field, "classes" | "options" | "stages">) => ({
    field,
    value: form[field],
    problem: problemOf(field),
    onChange: (value: string) => change({ [field]: value }),
    onBlur: () => blur(field),
  });
  const focus = (field: Field) =>
    element.current?.querySelector<HTMLElement>(`[data-field="${field}"]`)?.focus();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (pending || active || lonely || whyForbidden(about) !== undefined) return;
    setSeen(new Set(FIELDS));
    setRefusal(null);
    const bad = FIELDS.find((field) => found[field] !== undefined);
    if (bad !== undefined) {
      focus(bad);
      return;
    }
    setPending(true);
    const outcome = await postStart(request(form, about));
    setPending(false);
    if (outcome.kind === "done") {
      rememberForm(about.boot, form);
      navigate("/run/overview");
    } else if (outcome.kind === "conflict") {
      store.toast(`The test did not start: ${outcome.message}`, "err");
    } else if (outcome.kind !== "refused") {
      store.toast("Could not reach the controller; nothing was started.", "err");
    } else {
      const field = fieldOf(outcome.field);
      if (field === null) {
        store.toast(`The test did not start: ${outcome.message}`, "err");
      } else {
        setRefusal({ field, message: outcome.message, form });
        focus(field);
      }
    }
  };

  if (about.user_classes.length === 0) {
    return (
      <EmptyState title={`${about.locustfile} defines no user class`}>
        A user class says what a user does: subclass HttpUser, give it tasks, and start Katydid again.
      </EmptyState>
    );
  }
  const plan = planOf(form);
  const preview = previewOf(form, plan);
  // Stages of the last start may be changed, a shape of the script not.
  const scripted = about.shape !== null && about.stages === null;
  const forbidden = whyForbidden(about);
  const reason =
    forbidden !== undefined
      ? "forbidden-notice"
      : active
        ? "active-notice"
        : lonely
          ? "workers-notice"
          : undefined;
  return (
    <form ref={element} className={styles.form} noValidate onSubmit={submit}>
      {forbidden !== undefined && (
        <p className={styles.notice} id="forbidden-notice">
          {forbidden}
        </p>
      )}
      {workers !== null && <WorkersNotice connected={workers} />}
      {active && (
        <p className={styles.notice} id="active-notice">
          <Icon name="play" size={14} /> A test is running. <a href="#/run/overview">See how it goes</a>; stop
          it to start another.
        </p>
      )}
      <section className={styles.card} aria-label="Load">
        <TextField
          id="host"
          {...text("host")}
          label="Target host"
          hint={hostHint(about)}
          inputMode="url"
          options={recallHosts()}
          placeholder="https://shop.test"
        />
        {scripted ? (
          <p className={styles.shape}>
            The load shape <code>{about.shape}</code> sets the number of users over time.
          </p>
        ) : (
          <fieldset className={styles.kind}>
            <legend className="visually-hidden">How the load is described</legend>
            {[false, true].map((isStaged) => (
              <label key={String(isStaged)}>
                <input
                  type="radio"
                  name="kind"
                  checked={form.isStaged === isStaged}
                  onChange={() => change({ isStaged })}
                />
                {isStaged ? "In stages" : "One level"}
              </label>
            ))}
          </fieldset>
        )}
        {form.isStaged && !scripted ? (
          <StageRows
            stages={form.stages}
            peak={Math.max(1, plan?.users ?? 10)}
            problem={problemOf("stages")}
            onChange={(stages) => change({ stages })}
          />
        ) : (
          <div className={styles.numbers}>
            <TextField id="users" {...text("users")} label="Users" hint="at the peak" inputMode="numeric" />
            <TextField
              id="spawn-rate"
              {...text("spawnRate")}
              label="Ramp"
              hint="users per second"
              inputMode="decimal"
            />
            <TextField
              id="run-time"
              {...text("runTime")}
              label="Run time"
              hint="30s, 5m, 1h30m"
              inputMode="text"
              placeholder="no limit"
            />
          </div>
        )}
        {!scripted && <PlanPreview {...preview} />}
      </section>
      <ScriptOptions about={about} form={form} problem={problemOf("options")} onChange={change} />
      <TagPicker about={about} form={form} onChange={change} />
      <ClassPicker about={about} form={form} problem={problemOf("classes")} onChange={change} />
      <div className={styles.foot}>
        <button
          type="submit"
          className={styles.submit}
          aria-disabled={pending || reason !== undefined}
          aria-describedby={reason}
        >
          <Icon name="play" size={16} />
          {pending ? "Starting…" : "Start test"}
        </button>
        <p className={styles.enter}>
          <kbd>Enter</kbd> starts
        </p>
      </div>
    </form>
  );
}

/** What is drawn of the load, and said about it. */
function previewOf(form: Form, plan: Plan | null): { shape: PlanShape | null; text: string } {
  if (!form.isStaged) {
    return plan === null ? { shape: null, text: "" } : { shape: planShape(plan), text: words(plan) };
  }
  const stages = stagesOf(form);
  if (stages === null) return { shape: null, text: "" };
  const shape = stagesShape(stages);
  return { shape, text: stagesWords(shape) };
}

/** Who would run the users, where this process does not. */
function WorkersNotice({ connected }: { connected: number }) {
  if (connected > 0) {
    return (
      <p className={styles.notice} role="status">
        {connected === 1 ? "1 worker is ready." : `${connected} workers are ready.`}
      </p>
    );
  }
  return (
    <p className={styles.notice} id="workers-notice" role="status">
      No worker is connected, and users run on workers only. Start one with{" "}
      <code>katydid -f - --worker --master-host {location.hostname}</code>
    </p>
  );
}

/** Where the host may come from when the field is empty. */
function hostHint({ user_classes }: WireAbout): string {
  const own = user_classes.filter(({ host }) => host !== null).length;
  if (own === 0) return "where the users send their requests";
  return own === user_classes.length
    ? "overrides each class's own host"
    : "for classes without their own host";
}
