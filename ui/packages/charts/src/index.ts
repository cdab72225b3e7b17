/** Charts on canvas, with no view framework inside: the page and a report can share them. */
export type { Annotations, Mark, Span } from "./annotations";
export { Chart } from "./chart";
export { Group, type Zoom } from "./group";
export { sparkline } from "./sparkline";
export { type Line, percentiles, type Spec, throughput, wantsLog } from "./spec";
export { moment, summary } from "./summary";
