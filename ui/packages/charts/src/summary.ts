/** Charts in words, for those who do not see them. */
import { type Folded, format } from "@katydid/core";
import type { Spec } from "./spec";

/** A sentence per line: where it went and where it is now. */
export function summary(spec: Spec, folded: Folded): string {
  const from = folded.x[0];
  const to = folded.x.at(-1);
  if (from === undefined || to === undefined) return `${spec.title}: no data yet.`;
  const lines = spec.lines.map(({ label, unit, write }, index) => {
    const known = (folded.columns[index] ?? []).flatMap((value, at) =>
      value === null ? [] : [{ value, at }],
    );
    const last = known.at(-1);
    if (last === undefined) return `${label} no data`;
    const peak = known.reduce((most, each) => (each.value > most.value ? each : most), last);
    const suffix = unit === "" ? "" : ` ${unit}`;
    const when = format.axisTime(folded.x[peak.at] ?? 0);
    return `${label} ${write(last.value)}${suffix}, highest ${write(peak.value)}${suffix} at ${when}`;
  });
  return `${spec.title} from ${format.axisTime(from)} to ${format.axisTime(to)}. ${lines.join("; ")}.`;
}

/** The read-out of one moment, as the keyboard crosshair announces it. */
export function moment(spec: Spec, folded: Folded, index: number): string {
  const values = spec.lines.map(({ label, unit, write }, line) => {
    const value = write(folded.columns[line]?.[index] ?? null);
    return `${label} ${value}${unit === "" ? "" : ` ${unit}`}`;
  });
  return `${format.axisTime(folded.x[index] ?? 0)}: ${values.join(", ")}`;
}
