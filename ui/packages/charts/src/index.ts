/** Charts on canvas, with no view framework inside: the page and a report can share them. */
export type { Annotations, Limit, Mark, Span } from "./annotations";
export { type Bar, bars, barsData, barText } from "./bars";
export { Chart } from "./chart";
export { failuresByKind, lines, MOST_LINES, shares } from "./crew";
export { type Dress, Graph } from "./graph";
export { Group, type Zoom } from "./group";
export { type Cell, Heatmap } from "./heatmap";
export { paired, pairOf, spectra, spectraData, spectraText } from "./pair";
export { scatter } from "./scatter";
export { sparkline } from "./sparkline";
export {
  arrivals,
  endpointRate,
  endpointTimes,
  type Line,
  percentiles,
  phases,
  type RunSpec,
  type Spec,
  startLateness,
  statuses,
  throughput,
  transfer,
  users,
  wantsLog,
} from "./spec";
export { type Part, spectrum, spectrumData, spectrumText } from "./spectrum";
export { moment, summary } from "./summary";
