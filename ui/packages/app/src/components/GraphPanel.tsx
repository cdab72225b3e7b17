import { type Dress, Graph } from "@katydid/charts";
import { useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import { useTheme } from "../theme";
import styles from "./ChartPanel.module.css";
import { Panel } from "./Panel";

/** A chart whose axis is not time, with the read-out of the place under the pointer. */
export function GraphPanel({
  title,
  note,
  summary,
  dress,
  data,
  read,
}: {
  title: string;
  note: string;
  /** The chart in words. */
  summary: string;
  dress: (onCursor: (index: number | null) => void) => Dress;
  data: uPlot.AlignedData;
  read: (index: number) => string;
}) {
  const [cursor, setCursor] = useState<number | null>(null);
  const host = useRef<HTMLDivElement>(null);
  const graph = useRef<Graph | null>(null);
  const theme = useTheme();
  const dressed = useMemo(() => dress(setCursor), [dress]);

  useEffect(() => {
    if (host.current === null) return;
    const made = new Graph(host.current, dressed);
    graph.current = made;
    return () => {
      made.destroy();
      graph.current = null;
    };
  }, [dressed]);

  useEffect(() => {
    if (data[0].length > 0) graph.current?.draw(data);
  }, [data]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read again when the theme changes
  useEffect(() => graph.current?.retheme(), [theme]);

  return (
    <Panel title={title} note={cursor === null ? note : read(cursor)}>
      <div className={styles.canvas} role="img" aria-label={summary}>
        <div ref={host} className={styles.host} />
        {data[0].length === 0 && <p className={styles.empty}>No data yet</p>}
      </div>
    </Panel>
  );
}
