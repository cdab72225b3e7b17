import {
  decodeRow,
  failRatio,
  format,
  formatDuration,
  type Row,
  type WireKeptRun,
  type WireLabel,
  type WireRuns,
} from "@katydid/core";
import { useMemo, useState } from "react";
import { postImport, postKept, postLabel, readRuns } from "../api/client";
import { type Column, DataTable } from "../components/DataTable";
import { EmptyState } from "../components/EmptyState";
import { Icon } from "../components/Icon";
import { whyForbidden } from "../components/RunControls";
import { useLive } from "../live/hooks";
import { useCommand } from "../live/useCommand";
import { usePolled } from "../live/usePolled";
import { navigate, runPath } from "../route";
import { DeleteDialog } from "./DeleteDialog";
import { LabelDialog } from "./LabelDialog";
import type { PageProps } from "./Page";
import styles from "./Runs.module.css";
import { Trend } from "./Trend";
import { count } from "./words";

const POLL_MS = 5_000;

/** A run, and what all of it came to. */
export interface Kept {
  run: WireKeptRun;
  total: Row | null;
}

/** The runs that are kept: what each came to, how it went from one to the next, and a way to compare two. */
export default function Runs({ about }: PageProps) {
  const { store } = useLive();
  const [problem, setProblem] = useState<string | null>(null);
  const [changed, setChanged] = useState(0);
  // Another function after a change, so that it shows at once.
  // biome-ignore lint/correctness/useExhaustiveDependencies: read anew after a change
  const read = useMemo(() => () => readRuns().catch((error) => setProblem(String(error.message))), [changed]);
  const answer = usePolled(read, POLL_MS);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<"label" | "delete" | null>(null);
  const tell = useCommand();
  const forbidden = about === null ? undefined : whyForbidden(about);
  const rows = useMemo(
    () =>
      (answer?.runs ?? []).map(
        (run): Kept => ({ run, total: run.total ? decodeRow(run.total.row, new Map()) : null }),
      ),
    [answer],
  );
  const columns = useMemo(
    () =>
      columnsOf(chosen, (id) =>
        setChosen((before) => {
          const next = new Set(before);
          if (!next.delete(id)) next.add(id);
          return next;
        }),
      ),
    [chosen],
  );
  const picked = rows.filter(({ run }) => chosen.has(run.id));
  const only = picked.length === 1 ? picked[0]?.run : undefined;
  // The one that began first is what the other is compared with.
  const [before, after] = picked.map(({ run }) => run).sort((a, b) => a.started - b.started);
  const words = { failed: "The run was not changed", nothing: "nothing was changed" };

  const change = async (id: string, what: "pin" | "unpin") => {
    if (await tell(words, postKept(id, what))) setChanged(changed + 1);
  };
  const label = async (id: string, wanted: Partial<WireLabel>) => {
    if (await tell(words, postLabel(id, wanted))) setChanged(changed + 1);
  };
  const remove = async (ids: readonly string[]) => {
    for (const id of ids) {
      if (
        !(await tell(
          { failed: `${id} was not deleted`, nothing: "nothing was deleted" },
          postKept(id, "delete"),
        ))
      )
        break;
    }
    setChosen(new Set());
    setChanged(changed + 1);
  };
  const take = async (file: File) => {
    const outcome = await postImport(file);
    if (outcome.kind === "imported") store.toast(`Imported ${outcome.runs.join(", ")}`, "ok");
    else store.toast(`${file.name} was not imported: ${outcome.message}`, "err");
    setChanged(changed + 1);
  };

  return (
    <>
      <div className={styles.top}>
        <h1>Runs</h1>
        {forbidden === undefined && answer ? <Import onFile={take} /> : null}
      </div>
      {answer === null && problem !== null && <EmptyState title="No runs to show">{problem}</EmptyState>}
      {answer && rows.length === 0 && (
        <EmptyState title="No runs yet" action={{ href: "#/new", label: "Start a test" }}>
          Every run is kept here with all that it counted, second by second.
        </EmptyState>
      )}
      {rows.length > 0 && (
        <>
          <section className={styles.bar} aria-label="With the chosen runs">
            <p aria-live="polite">
              {picked.length === 0
                ? "Choose two runs to compare them, or more to see how they went from one to the next."
                : `${count(picked.length, "run")} chosen.`}
            </p>
            {picked.length === 2 && before !== undefined && after !== undefined && (
              <button
                type="button"
                className={styles.main}
                onClick={() => navigate(`/compare?before=${before.id}&after=${after.id}`)}
              >
                Compare
              </button>
            )}
            {only !== undefined && <a href={`#${pageOf(only)}`}>Open</a>}
            {only !== undefined && only.baseline !== null && only.baseline !== only.id && (
              <a href={`#/compare?before=${only.baseline}&after=${only.id}`}>Compare with baseline</a>
            )}
            {only !== undefined && forbidden === undefined && (
              <>
                <button type="button" onClick={() => setOpen("label")}>
                  Name, notes, tags
                </button>
                <button
                  type="button"
                  aria-pressed={only.baseline === only.id}
                  onClick={() => void label(only.id, { baseline: only.baseline !== only.id })}
                >
                  <Icon name="star" size={15} /> Baseline
                </button>
                <button type="button" onClick={() => change(only.id, only.is_pinned ? "unpin" : "pin")}>
                  {only.is_pinned ? "No longer keep for good" : "Keep for good"}
                </button>
              </>
            )}
            {only !== undefined && (
              <a href={`api/v1/runs/${encodeURIComponent(only.id)}/file`} download={`${only.id}.run`}>
                Export
              </a>
            )}
            {picked.length > 0 && forbidden === undefined && (
              <button
                type="button"
                disabled={picked.some(({ run }) => run.state === "running")}
                title={
                  picked.some(({ run }) => run.state === "running")
                    ? "A run that is under way cannot be deleted"
                    : undefined
                }
                onClick={() => setOpen("delete")}
              >
                Delete
              </button>
            )}
          </section>
          {picked.length > 1 && <Trend runs={picked} />}
          <DataTable
            name="Runs"
            noun="run"
            columns={columns}
            choosable
            rows={rows}
            rowKey={({ run }) => run.id}
            rowText={({ run }) =>
              [run.id, run.title, run.about.name, run.about.host, run.result, run.notes, ...run.tags].join(
                " ",
              )
            }
            initial={{ key: "started", direction: "descending" }}
          />
          {answer ? <Retention kept={answer.retention} /> : null}
        </>
      )}
      {open === "label" && only !== undefined && (
        <LabelDialog
          run={only}
          onSubmit={(wanted) => void label(only.id, wanted)}
          onClose={() => setOpen(null)}
        />
      )}
      {open === "delete" && picked.length > 0 && (
        <DeleteDialog
          runs={picked.map(({ run }) => run)}
          onDelete={() => void remove([...chosen])}
          onClose={() => setOpen(null)}
        />
      )}
    </>
  );
}

/** The run of this process has its live pages. */
function pageOf(run: WireKeptRun): string {
  return runPath(run.is_current ? null : run.id, "overview");
}

/** Takes in a file of a run of another machine. */
function Import({ onFile }: { onFile: (file: File) => Promise<void> }) {
  const [busy, setBusy] = useState(false);
  return (
    <label className={styles.import} data-busy={busy || undefined}>
      <Icon name="import" size={16} />
      {busy ? "Importing…" : "Import a .run file"}
      <input
        type="file"
        accept=".run"
        className="visually-hidden"
        disabled={busy}
        onChange={async ({ target }) => {
          const [file] = target.files ?? [];
          if (file === undefined) return;
          setBusy(true);
          await onFile(file);
          setBusy(false);
          target.value = "";
        }}
      />
    </label>
  );
}

/** How many runs are kept, and what goes next. */
function Retention({ kept }: { kept: WireRuns["retention"] }) {
  const { runs, bytes, used, going } = kept;
  return (
    <p className={styles.note}>
      The newest {format.count(runs)} runs are kept, in at most {format.bytes(bytes)}, and those kept for good
      besides; they take {format.bytes(used)} now.{" "}
      {going.length > 0 && `When another one begins, ${going.join(", ")} will go. `}
      On the command line: <code>katydid runs</code>, <code>katydid show</code>.
    </p>
  );
}

function columnsOf(chosen: ReadonlySet<string>, choose: (id: string) => void): Column<Kept>[] {
  const number = (
    key: string,
    label: string,
    value: (kept: Kept) => number | null,
    write: (value: number | null) => string,
    more: Partial<Column<Kept>> = {},
  ): Column<Kept> => ({ key, label, numeric: true, value, cell: (kept) => write(value(kept)), ...more });
  return [
    {
      key: "started",
      label: "Run",
      numeric: false,
      wide: true,
      value: ({ run }) => run.started,
      cell: ({ run }) => (
        <span className={styles.run}>
          <input
            type="checkbox"
            aria-label={`Choose ${run.id}`}
            checked={chosen.has(run.id)}
            onChange={() => choose(run.id)}
          />
          <span className={styles.names}>
            <a href={`#${pageOf(run)}`}>
              <bdi>{run.title ?? run.about.name ?? run.id}</bdi>
            </a>
            <small>
              {format.timeOfDay(run.started)} {new Date(run.started).toISOString().slice(0, 10)}
            </small>
          </span>
          {run.baseline === run.id && (
            <span className={styles.mark} title="The baseline of its script">
              <Icon name="star" size={14} />
              <span className="visually-hidden">baseline</span>
            </span>
          )}
          {run.is_pinned && (
            <span className={styles.mark} title="Kept for good">
              <Icon name="segment" size={14} />
              <span className="visually-hidden">kept for good</span>
            </span>
          )}
          {run.is_current && <small className={styles.tag}>this one</small>}
          {run.tags.map((tag) => (
            <small key={tag} className={styles.tag}>
              <bdi>{tag}</bdi>
            </small>
          ))}
        </span>
      ),
    },
    {
      key: "script",
      label: "Script",
      numeric: false,
      value: ({ run }) => run.about.name ?? "",
      cell: ({ run }) => run.about.name ?? format.NO_DATA,
    },
    {
      key: "result",
      label: "Result",
      numeric: false,
      narrow: true,
      value: ({ run }) => run.result,
      cell: ({ run }) => (
        <span
          data-result={run.result}
          title={
            run.state === "interrupted"
              ? `Its process was gone: data up to ${format.timeOfDay(run.ended)} is kept`
              : undefined
          }
        >
          {run.result}
        </span>
      ),
    },
    number("users", "Users", ({ run }) => run.about.peak_users ?? run.about.users ?? null, format.count),
    number(
      "seconds",
      "Length",
      ({ run }) => run.total?.seconds ?? null,
      (seconds) => (seconds === null ? format.NO_DATA : formatDuration(seconds)),
    ),
    number("requests", "Requests", ({ total }) => total?.requests ?? null, format.count, { narrow: true }),
    number("rps", "RPS", ({ total }) => total?.rps ?? null, format.rate),
    number("fail", "Fail", failedOf, format.percent, { unit: "%" }),
    number("p50", "p50", ({ total }) => total?.p50 ?? null, format.millis, { unit: "ms" }),
    number("p95", "p95", ({ total }) => total?.p95 ?? null, format.millis, { unit: "ms", narrow: true }),
    number("p99", "p99", ({ total }) => total?.p99 ?? null, format.millis, { unit: "ms" }),
    {
      key: "hash",
      label: "Script's hash",
      numeric: false,
      optional: true,
      value: ({ run }) => run.about.script_sha256 ?? "",
      cell: ({ run }) => <code>{run.about.script_sha256?.slice(0, 10) ?? format.NO_DATA}</code>,
    },
    {
      key: "notes",
      label: "Notes",
      numeric: false,
      optional: true,
      value: ({ run }) => run.notes,
      cell: ({ run }) => <bdi>{run.notes}</bdi>,
    },
  ];
}

/** The part of the requests that failed. */
export function failedOf({ total }: Kept): number | null {
  return total === null ? null : failRatio(total.requests, total.failures);
}
