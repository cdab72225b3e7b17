import type { Group, Spec } from "@katydid/charts";
import type { Labelled } from "@katydid/core";
import { useCallback, useMemo } from "react";
import { ChartPanel } from "./ChartPanel";

/** A chart whose lines are known only with its data. */
export function LabelledChart({
  data,
  specOf,
  group,
}: {
  data: Labelled;
  /** The same function for every rendering. */
  specOf: (labels: readonly string[]) => Spec;
  group: Group;
}) {
  const key = JSON.stringify(data.labels);
  const spec = useMemo(() => specOf(JSON.parse(key)), [specOf, key]);
  const read = useCallback(() => data, [data]);
  return <ChartPanel key={key} spec={spec} group={group} read={read} />;
}
