import {
  bars,
  barsData,
  barText,
  endpointRate,
  endpointTimes,
  type Group,
  phases,
  type Spec,
  spectrum,
  spectrumData,
  spectrumText,
  statuses,
  transfer,
} from "@katydid/charts";
import { type Course, courseOf, type Folded, format, type WireEndpoint } from "@katydid/core";
import { useCallback, useMemo } from "react";
import { useLive } from "../live/hooks";
import { ChartPanel } from "./ChartPanel";
import { GraphPanel } from "./GraphPanel";

/** The charts of one endpoint, or of all of them together. */
type Kind = "rate" | "times" | "spectrum" | "bars" | "statuses" | "phases" | "transfer";

const SPECS: Readonly<
  Record<Exclude<Kind, "spectrum" | "bars">, [Spec, (course: Course) => Folded["columns"]]>
> = {
  rate: [endpointRate, ({ ok, failed }) => [ok, failed]],
  times: [endpointTimes, ({ times }) => times],
  statuses: [statuses, (course) => course.statuses],
  phases: [phases, (course) => course.phases],
  transfer: [transfer, ({ bytes }) => bytes],
};

/** Some charts of what a server knows about one endpoint. */
export function CourseCharts({
  detail,
  group,
  kinds,
}: {
  detail: WireEndpoint | null;
  group: Group;
  kinds: readonly Kind[];
}) {
  const { store } = useLive();
  const series = detail?.series ?? null;
  const course = useMemo(
    () => courseOf(series ?? { step: 1, points: [] }, store.model.origin),
    [series, store],
  );
  return kinds.map((kind) => {
    if (kind === "spectrum") return <Spectrum key={kind} detail={detail} />;
    if (kind === "bars") return <Bars key={kind} detail={detail} />;
    return <Over key={kind} kind={kind} course={course} group={group} />;
  });
}

function Over({ kind, course, group }: { kind: keyof typeof SPECS; course: Course; group: Group }) {
  const [spec, columns] = SPECS[kind];
  const read = useCallback(
    () => ({ x: course.x, step: course.step, columns: columns(course) }),
    [course, columns],
  );
  return <ChartPanel spec={spec} group={group} read={read} />;
}

function Spectrum({ detail }: { detail: WireEndpoint | null }) {
  const parts = detail?.percentiles ?? [];
  const data = useMemo(() => spectrumData(detail?.percentiles ?? []), [detail]);
  const told = [0.5, 0.9, 0.99, 0.999].flatMap((part) => {
    const index = parts.findIndex(([each]) => each >= part);
    return index === -1 ? [] : [spectrumText(parts, index)];
  });
  return (
    <GraphPanel
      title="Percentiles"
      note={`ms · of ${format.count(detail?.requests)} requests`}
      summary={`Percentiles of response times: ${told.join(", ") || "no data yet"}.`}
      dress={spectrum}
      data={data}
      read={(index) => spectrumText(parts, index)}
    />
  );
}

function Bars({ detail }: { detail: WireEndpoint | null }) {
  const all = detail?.histogram ?? [];
  const data = useMemo(() => barsData(detail?.histogram ?? []), [detail]);
  const most = all.reduce((best, bar, index) => {
    const top = all[best];
    return top !== undefined && top[1] + top[2] >= bar[1] + bar[2] ? best : index;
  }, 0);
  const place = all[most];
  const words =
    place === undefined
      ? "no data yet"
      : `most often up to ${format.time(place[0])}, ${format.count(place[1] + place[2])} times`;
  return (
    <GraphPanel
      title="Response time histogram"
      note="requests by ms"
      summary={`Response time histogram: ${words}.`}
      dress={bars}
      data={data}
      read={(index) => barText(all, index)}
    />
  );
}
