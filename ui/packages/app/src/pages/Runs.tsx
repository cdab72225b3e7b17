import { decodeRow, failRatio, format, formatDuration, type Row, type WireKeptRun } from "@katydid/core";
import { useMemo, useState } from "react";
import { postKept, readRuns } from "../api/client";
import { type Column, DataTable } from "../components/DataTable";
import { EmptyState } from "../components/EmptyState";
import { Icon } from "../components/Icon";
import { whyForbidden } from "../components/RunControls";
import { useCommand } from "../live/useCommand";
import { usePolled } from "../live/usePolled";
import { navigate } from "../route";
import type { PageProps } from "./Page";
import styles from "./Runs.module.css";
import { count } from "./words";

const POLL_MS = 5_000;

interface Kept {
  run: WireKeptRun;
  total: Row | null;
}

/** The runs that are kept: what each came to, and a way to compare two. */
export default function Runs({ about }: PageProps) {
  const [problem, setProblem] = useState<string | null>(null);
  const [changed, setChanged] = useState(0);
  // Another function after a change, so that it shows at once.
  // biome-ignore lint/correctness/useExhaustiveDependencies: read anew after a change
  const read = useMemo(() => () => readRuns().catch((error) => setProblem(String(error.message))), [changed]);
  const answer = usePolled(read, POLL_MS);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [doomed, setDoomed] = useState<string | null>(null);
  const tell = useCommand();
  const forbidden = about === null ? undefined : whyForbidden(about);
  const rows = useMemo(
    () =>
      (answer?.runs ?? []).map(
        (run): Kept => ({ run, total: run.total ? decodeRow(run.total.row, new Map()) : null }),
      ),
    [answer],
  );
  const choose = (id: string) =>
    setChosen(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id].slice(-2));
  const change = async (id: string, what: "delete" | "pin" | "unpin") => {
    setDoomed(null);
    const words = { failed: `The run was not changed`, nothing: "nothing was changed" };
    if (await tell(words, postKept(id, what))) {
      setChosen(chosen.filter((each) => what !== "delete" || each !== id));
      setChanged(changed + 1);
    }
  };
  const columns = useMemo(() => columnsOf(chosen, choose), [chosen]);
  const [before, after] = [...chosen].sort();
  const only = chosen.length === 1 ? rows.find(({ run }) => run.id === chosen[0])?.run : undefined;
  return (
    <>
      <h1 className={styles.title}>Runs</h1>
      {answer === null && problem !== null && <EmptyState title="No runs to show">{problem}</EmptyState>}
      {answer && rows.length === 0 && (
        <EmptyState title="No runs yet" action={{ href: "#/new", label: "Start a test" }}>
          Every run is kept here with all that it counted, second by second.
        </EmptyState>
      )}
      {rows.length > 0 && (
        <>
          <div className={styles.bar} role="group" aria-label="With the chosen runs">
            <p aria-live="polite">
              {chosen.length === 0
                ? "Choose two runs to compare them."
                : `${count(chosen.length, "run")} chosen.`}
            </p>
            {before !== undefined && after !== undefined && (
              <button
                type="button"
                className={styles.main}
                onClick={() => navigate(`/compare?before=${before}&after=${after}`)}
              >
                Compare
              </button>
            )}
            {only !== undefined && forbidden === undefined && (
              <>
                <button type="button" onClick={() => change(only.id, only.is_pinned ? "unpin" : "pin")}>
                  {only.is_pinned ? "No longer keep for good" : "Keep for good"}
                </button>
                {only.state !== "running" &&
                  (doomed === only.id ? (
                    <button type="button" className={styles.danger} onClick={() => change(only.id, "delete")}>
                      Really delete {only.id}
                    </button>
                  ) : (
                    <button type="button" onClick={() => setDoomed(only.id)}>
                      Delete
                    </button>
                  ))}
              </>
            )}
          </div>
          <DataTable
            name="Runs"
            noun="run"
            columns={columns}
            rows={rows}
            rowKey={({ run }) => run.id}
            rowText={({ run }) => `${run.id} ${run.about.name ?? ""} ${run.about.host ?? ""} ${run.result}`}
            initial={{ key: "started", direction: "descending" }}
          />
          <p className={styles.note}>
            The newest 200 runs are kept, and those kept for good besides. On the command line:{" "}
            <code>katydid runs</code>, <code>katydid show</code>.
          </p>
        </>
      )}
    </>
  );
}

function columnsOf(chosen: readonly string[], choose: (id: string) => void): Column<Kept>[] {
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
        <label className={styles.run}>
          <input type="checkbox" checked={chosen.includes(run.id)} onChange={() => choose(run.id)} />
          <span>
            {format.timeOfDay(run.started)} <small>{new Date(run.started).toISOString().slice(0, 10)}</small>
          </span>
          {run.is_pinned && <Icon name="segment" size={14} />}
          {run.is_current && <small className={styles.tag}>this one</small>}
        </label>
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
      cell: ({ run }) => <span data-result={run.result}>{run.result}</span>,
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
    number(
      "fail",
      "Fail",
      ({ total }) => (total === null ? null : failRatio(total.requests, total.failures)),
      format.percent,
      { unit: "%" },
    ),
    number("p50", "p50", ({ total }) => total?.p50 ?? null, format.millis, { unit: "ms" }),
    number("p95", "p95", ({ total }) => total?.p95 ?? null, format.millis, { unit: "ms", narrow: true }),
    number("p99", "p99", ({ total }) => total?.p99 ?? null, format.millis, { unit: "ms" }),
  ];
}
