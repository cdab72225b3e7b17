import { scatter } from "@katydid/charts";
import { format, STRETCH, saturation } from "@katydid/core";
import { useMemo } from "react";
import { useLive, useView } from "../live/hooks";
import { GraphPanel } from "./GraphPanel";

/** Where response times begin to rise with the load: over requests per second, and over users. */
export function SaturationCharts() {
  return (
    <>
      <Saturation against="rate" />
      <Saturation against="users" />
    </>
  );
}

function Saturation({ against }: { against: "rate" | "users" }) {
  const { store } = useLive();
  const version = useView((view) => view.seriesVersion);
  // Only every tenth second makes a new point.
  const stretch = Math.floor(version / STRETCH);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the series changes in place
  const points = useMemo(
    () => saturation(store.model.series, against, store.model.origin),
    [store, against, stretch],
  );
  const data = useMemo((): [number[], number[]] => [points.x, points.p95], [points]);
  const load = (x: number) =>
    against === "rate" ? `${format.rate(x)} req/s` : `${format.count(Math.round(x))} users`;
  const last = points.x.length - 1;
  const words =
    last < 0
      ? "no data yet"
      : `${format.time(points.p95[0])} at ${load(points.x[0] ?? 0)}, ${format.time(points.p95[last])} at ${load(points.x[last] ?? 0)}`;
  const title = against === "rate" ? "p95 over requests per second" : "p95 over users";
  return (
    <GraphPanel
      title={title}
      note={
        store.model.series.step >= STRETCH
          ? `ms · each ${store.model.series.step} s`
          : `ms · worst ${store.model.series.step} s of each ${STRETCH} s`
      }
      summary={`${title}: ${words}.`}
      dress={scatter}
      data={data}
      read={(index) =>
        points.x[index] === undefined
          ? ""
          : `${format.time(points.p95[index])} at ${load(points.x[index] ?? 0)}, from ${format.axisTime(points.at[index] ?? 0)} on`
      }
    />
  );
}
