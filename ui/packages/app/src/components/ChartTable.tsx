import type { Spec } from "@katydid/charts";
import { type Folded, format } from "@katydid/core";
import { useMemo } from "react";
import styles from "./ChartTable.module.css";

/** A table of a chart folds to at most this many rows, and says into how long steps. */
const MAX_ROWS = 240;

/** The points of a chart as numbers, newest first. */
export function ChartTable({ spec, read }: { spec: Spec; read: (limit?: number) => Folded }) {
  const { x, columns, step } = useMemo(() => read(MAX_ROWS), [read]);
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
