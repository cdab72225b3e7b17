import { format } from "@katydid/core";
import { useLive, useView } from "../live/hooks";
import { useRange } from "../live/range";
import { chartGroup } from "../pages/chartGroup";
import { Icon } from "./Icon";
import styles from "./RangeBar.module.css";

const MINUTES = [1, 5, 15];

/** Says which stretch of the run a page shows, offers others, and leads back to all of it. */
export function RangeBar() {
  const { store, kept } = useLive();
  const range = useRange();
  const marks = useView((view) => view.marks);
  const started = useView((view) => view.run?.started ?? null);
  if (started === null) return null;
  const { series, origin } = store.model;
  const at = (kind: string) => marks.find((mark) => mark.kind === kind)?.t;
  const end = () => (series.length > 0 ? series.time(series.length - 1) + 1 - origin : 1);
  const reached = at("reached");

  const choose = (wanted: string) => {
    if (wanted === "whole") {
      chartGroup.setZoom(null);
    } else if (wanted === "steady" && reached !== undefined) {
      // The second in which all were there is not a whole one of them.
      const min = Math.floor(reached / 1000) + 1 - origin;
      const stopped = at("stop");
      const max = stopped === undefined ? end() : Math.floor(stopped / 1000) - origin;
      chartGroup.setZoom({ min, max: Math.max(min + 1, max) });
    } else {
      const max = end();
      chartGroup.setZoom({ min: Math.max(0, max - 60 * Number(wanted)), max });
    }
  };

  return (
    <div className={styles.bar}>
      <select
        aria-label="Stretch of the run"
        value={range === null ? "whole" : "chosen"}
        onChange={({ target }) => choose(target.value)}
      >
        <option value="whole">Whole run</option>
        {range !== null && <option value="chosen">Chosen stretch</option>}
        {reached !== undefined && <option value="steady">While all users were there</option>}
        {MINUTES.map((minutes) => (
          <option key={minutes} value={minutes}>
            Last {minutes === 1 ? "minute" : `${minutes} minutes`}
          </option>
        ))}
      </select>
      {range !== null && (
        <p className={styles.chip} role="status">
          Only {format.axisTime(range.from)} to {format.axisTime(range.to)}
          {range.problem !== null && range.counted === null && (
            <span>: no numbers of it ({range.problem})</span>
          )}
          <button type="button" onClick={() => chartGroup.setZoom(null)}>
            {kept === null ? "Back to live" : "Back to the whole run"} <kbd>L</kbd>
            <Icon name="close" size={14} />
          </button>
        </p>
      )}
    </div>
  );
}
