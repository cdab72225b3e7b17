import {
  format,
  type WireCompared,
  type WireComparison,
  type WireDifference,
  type WireVerdict,
} from "@katydid/core";
import { useEffect, useState } from "react";
import { readComparison } from "../api/client";
import { CopyButton } from "../components/CopyButton";
import { EmptyState } from "../components/EmptyState";
import { navigate, useRoute } from "../route";
import styles from "./Compare.module.css";
import { Overlays } from "./Overlays";

const VERDICTS: Readonly<Record<WireVerdict, string>> = {
  worse: "worse",
  better: "better",
  within_noise: "within noise",
  unknown: "too little to tell",
};

const SENTENCES: Readonly<Record<WireVerdict, string>> = {
  worse: "The second run was worse.",
  better: "The second run was better.",
  within_noise: "No difference that is more than chance.",
  unknown: "Too short, or with too few requests, to tell.",
};

const MEASURES: Readonly<Record<WireDifference["measure"], string>> = {
  rps: "RPS",
  p50: "p50",
  p95: "p95",
  p99: "p99",
  mean: "Mean",
  fail_ratio: "Failed",
};

const WORST_FIRST: readonly WireVerdict[] = ["worse", "better", "within_noise", "unknown"];

/** Two kept runs beside each other. */
export default function Compare() {
  const { query } = useRoute();
  const before = query.get("before") ?? "";
  const after = query.get("after") ?? "";
  const [answer, setAnswer] = useState<WireComparison | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  useEffect(() => {
    let wanted = true;
    setAnswer(null);
    setProblem(before === "" || after === "" ? "The address names no two runs." : null);
    if (before === "" || after === "") return;
    readComparison(before, after).then(
      (read) => wanted && setAnswer(read),
      (error) => wanted && setProblem(String(error.message ?? error)),
    );
    return () => {
      wanted = false;
    };
  }, [before, after]);
  if (problem !== null) {
    return (
      <EmptyState title="These runs cannot be compared" action={{ href: "#/runs", label: "Choose two runs" }}>
        {problem}
      </EmptyState>
    );
  }
  const rows = answer === null ? [] : rowsOf(answer, all);
  return (
    <>
      <h1 className={styles.title}>Comparison</h1>
      {answer !== null && (
        <>
          <p className={styles.verdict} data-verdict={answer.verdict}>
            {SENTENCES[answer.verdict]}
          </p>
          <dl className={styles.runs}>
            <Side label="Before" run={answer.before} />
            <Side label="After" run={answer.after} />
          </dl>
          {answer.warnings.length > 0 && (
            <ul className={styles.warnings} aria-label="What the runs do not have in common">
              {answer.warnings.map((warning) => (
                <li key={warning}>{warning}</li>
              ))}
            </ul>
          )}
          <div className={styles.tools}>
            <button type="button" onClick={() => navigate(`/compare?before=${after}&after=${before}`)}>
              Swap
            </button>
            <button type="button" aria-pressed={all} onClick={() => setAll(!all)}>
              All measures
            </button>
            <CopyButton text={markdown(answer)} label="Copy as Markdown" />
          </div>
          <div className={styles.scroll}>
            <table aria-label="Differences">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Measure</th>
                  <th scope="col">Verdict</th>
                  <th scope="col">Before</th>
                  <th scope="col">After</th>
                  <th scope="col">Change</th>
                  <th scope="col">Between</th>
                </tr>
              </thead>
              <tbody>
                {rows.map(([row, it]) => (
                  <tr key={`${row.method} ${row.name} ${it.measure}`} data-verdict={it.verdict}>
                    <th scope="row">
                      {row.name === null ? (
                        "All requests"
                      ) : (
                        <>
                          <small>{row.method}</small> <bdi>{row.name}</bdi>
                        </>
                      )}
                    </th>
                    <td>{MEASURES[it.measure]}</td>
                    <td className={styles.word}>{wordOf(row, it)}</td>
                    <td>{shown(it, it.before)}</td>
                    <td>{shown(it, it.after)}</td>
                    <td>{changeOf(it)}</td>
                    <td>{bounds(it)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <Overlays before={before} after={after} />
          <p className={styles.note}>
            How much the stretches of each run differ among themselves tells how sure its numbers are.
            Everything here shares one chance of 5 % for a false alarm; changes of less than 2 % are none.
          </p>
        </>
      )}
    </>
  );
}

function Side({ label, run }: { label: string; run: WireComparison["before"] }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <a href={`#/run/${run.id}/overview`}>{run.id}</a> · <bdi>{run.title ?? run.about.name}</bdi> ·{" "}
        {run.result}
      </dd>
    </div>
  );
}

/** Of a name, p95 says how it is, and whatever has changed; the worst first. */
function rowsOf(answer: WireComparison, all: boolean): [WireCompared, WireDifference][] {
  const entries = [...answer.entries].sort(
    (a, b) => WORST_FIRST.indexOf(a.verdict) - WORST_FIRST.indexOf(b.verdict),
  );
  return [answer.total, ...entries].flatMap((row) =>
    row.differences
      .filter(
        ({ measure, verdict }) =>
          all || row.name === null || measure === "p95" || verdict === "worse" || verdict === "better",
      )
      .map((it): [WireCompared, WireDifference] => [row, it]),
  );
}

function wordOf({ requests: [before, after] }: WireCompared, { verdict }: WireDifference): string {
  return before === 0 ? "only after" : after === 0 ? "only before" : VERDICTS[verdict];
}

function shown({ measure }: WireDifference, value: number | null): string {
  if (value === null) return format.NO_DATA;
  if (measure === "rps") return `${format.rate(value)}/s`;
  return measure === "fail_ratio" ? `${format.percent(value)} %` : format.time(value);
}

function changeOf({ measure, before, after }: WireDifference): string {
  if (before === null || after === null) return format.NO_DATA;
  if (measure === "fail_ratio") return `${signed((after - before) * 100, 2)} points`;
  return before > 0 ? `${signed((after / before - 1) * 100, 1)} %` : format.NO_DATA;
}

function bounds({ measure, before, interval }: WireDifference): string {
  if (interval === null) return format.NO_DATA;
  const [low, high] = interval;
  if (measure === "fail_ratio") return `${signed(low * 100, 2)} and ${signed(high * 100, 2)}`;
  if (before === null || before <= 0) return format.NO_DATA;
  return `${signed((low / before) * 100, 1)} and ${signed((high / before) * 100, 1)} %`;
}

function signed(value: number, digits: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

function markdown(answer: WireComparison): string {
  const head = [
    `**${SENTENCES[answer.verdict]}** ${answer.after.id} beside ${answer.before.id}`,
    "",
    "| Name | Measure | Verdict | Before | After | Change | Between |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: |",
  ];
  const rows = rowsOf(answer, false).map(([row, it]) => {
    const name =
      row.name === null ? "All requests" : `${row.method} ${row.name}`.trim().replaceAll("|", "\\|");
    const cells = [shown(it, it.before), shown(it, it.after), changeOf(it), bounds(it)];
    return `| ${name} | ${MEASURES[it.measure]} | ${wordOf(row, it)} | ${cells.join(" | ")} |`;
  });
  return [...head, ...rows, ...answer.warnings.map((warning) => `\n- ${warning}`)].join("\n");
}
