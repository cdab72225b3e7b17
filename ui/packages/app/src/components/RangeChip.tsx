import { format } from "@katydid/core";
import type { Range } from "../live/range";
import { chartGroup } from "../pages/chartGroup";
import { Icon } from "./Icon";
import styles from "./RangeChip.module.css";

/** Says which stretch of the run a page shows, and leads back to all of it. */
export function RangeChip({ range }: { range: Range }) {
  const { from, to, problem, counted } = range;
  return (
    <p className={styles.chip} role="status">
      Only {format.axisTime(from)} to {format.axisTime(to)}
      {problem !== null && counted === null && <span>: no numbers of it ({problem})</span>}
      <button type="button" onClick={() => chartGroup.setZoom(null)}>
        Back to live <kbd>L</kbd>
        <Icon name="close" size={14} />
      </button>
    </p>
  );
}
