import { Group } from "@katydid/charts";

/** The charts of a run share one crosshair and one zoom, which outlive a change of page. */
export const chartGroup = new Group();
