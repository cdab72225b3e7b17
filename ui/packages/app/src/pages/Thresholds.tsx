import { format, formatDuration, isActive, type WireAbout, type WireThreshold } from "@katydid/core";
import { type FormEvent, useState } from "react";
import { postThresholds } from "../api/client";
import { Icon } from "../components/Icon";
import { whyForbidden } from "../components/RunControls";
import { useLive, useView } from "../live/hooks";
import { useCommand } from "../live/useCommand";
import styles from "./Thresholds.module.css";
import { count } from "./words";

const STANDINGS: Readonly<Record<WireThreshold["standing"], string>> = {
  unmeasured: "Not enough data",
  kept: "Pass",
  near: "At risk",
  crossed: "Fail",
};

/** Under which conditions a run has failed, and how this one stands. They hold for later runs, too. */
export function Thresholds({ about }: { about: WireAbout | null }) {
  const { store, kept } = useLive();
  const thresholds = useView((view) => view.thresholds);
  const run = useView((view) => view.run);
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const tell = useCommand();
  const forbidden = kept !== null ? "The run has ended" : about === null ? undefined : whyForbidden(about);
  const started = run?.started !== null && run?.started !== undefined;
  const isOver = started && !isActive(run.state);
  const texts = thresholds.map((each) => each.text);

  const add = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = text.trim();
    if (wanted === "") return;
    const outcome = await postThresholds([...texts, wanted]);
    if (outcome.kind === "refused" && outcome.field === "thresholds") {
      setProblem(outcome.message);
      return;
    }
    setProblem(null);
    const words = { failed: "The threshold was not added", nothing: "no threshold was added" };
    if (await tell(words, Promise.resolve(outcome))) setText("");
  };
  const remove = (gone: string) =>
    tell(
      { failed: "The threshold was not removed", nothing: "no threshold was removed" },
      postThresholds(texts.filter((each) => each !== gone)),
    );

  return (
    <section className={styles.panel} aria-labelledby="thresholds-title">
      <div className={styles.head}>
        <h2 id="thresholds-title">Thresholds</h2>
        {started && thresholds.length > 0 && <p>{verdict(thresholds, isActive(run.state))}</p>}
      </div>
      {thresholds.length === 0 ? (
        <p className={styles.none}>None yet: a run fails by none, however slow it is.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Result</th>
              <th scope="col">Fails if</th>
              <th scope="col">Measured</th>
              <th scope="col">
                <span className="visually-hidden">Of the limit</span>
              </th>
              <td />
            </tr>
          </thead>
          <tbody>
            {thresholds.map((each) => (
              <tr key={each.text} data-standing={started ? standingOf(each, isOver) : undefined}>
                <td className={styles.standing}>
                  {started ? (
                    <>
                      <Icon name={standingOf(each, isOver) === "crossed" ? "errors" : "check"} size={15} />
                      {STANDINGS[standingOf(each, isOver)]}
                    </>
                  ) : (
                    "—"
                  )}
                </td>
                <td>
                  <code>
                    <bdi>{each.text}</bdi>
                  </code>
                  {started && <Since threshold={each} origin={store.model.origin} />}
                </td>
                <td className={styles.value}>{each.value === null && !isOver ? "—" : each.shown}</td>
                <td className={styles.margin}>
                  <Margin threshold={each} />
                </td>
                <td className={styles.remove}>
                  {forbidden === undefined && (
                    <button
                      type="button"
                      aria-label={`Remove ${each.text}`}
                      onClick={() => remove(each.text)}
                    >
                      <Icon name="close" size={14} />
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {forbidden === undefined && (
        <form className={styles.add} onSubmit={add}>
          <label htmlFor="threshold">A run fails if</label>
          <input
            id="threshold"
            value={text}
            placeholder="GET /item p95>300ms"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            aria-invalid={problem !== null || undefined}
            aria-describedby={problem === null ? undefined : "threshold-problem"}
            onChange={({ target }) => setText(target.value)}
          />
          <button type="submit">Add</button>
          {problem !== null && (
            <p className={styles.problem} id="threshold-problem" role="alert">
              {problem}
            </p>
          )}
        </form>
      )}
    </section>
  );
}

function verdict(thresholds: readonly WireThreshold[], active: boolean): string {
  const crossed = thresholds.filter(({ standing }) => standing === "crossed").length;
  const open = thresholds.filter(({ standing }) => standing === "unmeasured").length;
  const kept = thresholds.length - crossed - open;
  const so = active ? " so far" : "";
  const rest = open > 0 ? `, ${open} without a request to measure` : "";
  return `${kept} of ${count(thresholds.length, "threshold")} passed${so}${rest}`;
}

/** A run that is over has failed by what could not be measured, too. */
function standingOf({ standing }: WireThreshold, isOver: boolean): WireThreshold["standing"] {
  return isOver && standing === "unmeasured" ? "crossed" : standing;
}

/** When it was crossed first and for how long, and whether it was there from the beginning. */
function Since({ threshold, origin }: { threshold: WireThreshold; origin: number }) {
  const at = (ms: number) => format.axisTime(ms / 1000 - origin);
  const { first_crossed, crossed_seconds, added } = threshold;
  const parts = [
    added === null ? null : `added at ${at(added)}`,
    first_crossed === null ? null : `first crossed at ${at(first_crossed)}`,
    crossed_seconds >= 1 ? `crossed for ${formatDuration(Math.round(crossed_seconds))}` : null,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : <span className={styles.since}>{parts.join(" · ")}</span>;
}

/** How much of the limit is used up. */
function Margin({ threshold: { value, limit, ceiling } }: { threshold: WireThreshold }) {
  if (value === null || !ceiling || limit <= 0) return null;
  const part = Math.round((100 * value) / limit);
  return <meter min={0} max={100} value={Math.min(100, part)} aria-label={`${part} % of the limit`} />;
}
