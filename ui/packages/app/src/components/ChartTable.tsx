import type { Spec } from "@katydid/charts";
import { fold, format } from "@katydid/core";
import { useMemo } from "react";
import { useLive, useView } from "../live/hooks";
import styles from "./ChartTable.module.css";

/** A table of a chart folds to at most this many rows, and says into how long steps. */
const MAX_ROWS = 240;

/** The points of a chart as numbers, newest first. */
export function ChartTable({ spec }: { spec: Spec }) {
  const { store } = useLive();
  const version = useView((view) => view.seriesVersion);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the series changes in place, its version tells when
  const { x, columns, step } = useMemo(() => {
    const names = spec.lines.map(({ column }) => column);
    return fold(store.model.series, names, store.model.origin, MAX_ROWS);
  }, [spec, store, version]);

  return (
    <section className={styles.scroll} tabIndex={0} aria-label={`${spec.title}, table`}>
      <table>
        <caption className="visually-hidden">
          {spec.title}; each row is {step} s
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {spec.lines.map(({ label, unit }) => (
              <th key={label} scope="col">
                {label}
                {unit !== "" && <span> {unit}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {x
            .map((seconds, index) => (
              <tr key={seconds}>
                <th scope="row">{format.axisTime(seconds)}</th>
                {spec.lines.map(({ label, write }, line) => (
                  <td key={label}>{write(columns[line]?.[index] ?? null)}</td>
                ))}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </section>
  );
}
