import { failuresByKind, type Group } from "@katydid/charts";
import { failuresOf } from "@katydid/core";
import { useMemo } from "react";
import { useLive } from "../live/hooks";
import { usePolled } from "../live/usePolled";
import { LabelledChart } from "./LabelledChart";

const POLL_MS = 3_000;

/** When which failures came; nothing while there are none. */
export function FailuresChart({ group }: { group: Group }) {
  const { store, source } = useLive();
  const answer = usePolled(source.failures, POLL_MS);
  const data = useMemo(
    () => (answer === null || answer.points.length === 0 ? null : failuresOf(answer, store.model.origin)),
    [answer, store],
  );
  return data === null ? null : <LabelledChart data={data} specOf={failuresByKind} group={group} />;
}
