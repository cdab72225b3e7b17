import { Icon } from "../components/Icon";
import styles from "./StageRows.module.css";
import type { StageRow } from "./startForm";

/** What tests of a kind look like, with the users that are wanted at the peak. */
const PRESETS: Readonly<Record<string, (users: number) => [time: string, users: number][]>> = {
  Smoke: () => [["30s", 1]],
  Load: (users) => [
    ["1m", users],
    ["8m", users],
    ["1m", 0],
  ],
  Stress: (users) =>
    [1, 2, 3, 4].flatMap((times) => [
      ["30s", users * times],
      ["2m", users * times],
    ]),
  Spike: (users) => [
    ["1m", users],
    ["10s", users * 10],
    ["1m", users * 10],
    ["10s", users],
    ["1m", users],
  ],
  Soak: (users) => [
    ["5m", users],
    ["4h", users],
  ],
};

/** The stages of a test as rows that can be typed into. */
export function StageRows({
  stages,
  peak,
  problem,
  onChange,
}: {
  stages: readonly StageRow[];
  /** The users that presets are made for. */
  peak: number;
  problem: string | undefined;
  onChange: (stages: readonly StageRow[]) => void;
}) {
  const next = Math.max(0, ...stages.map(({ id }) => id)) + 1;
  const edit = (id: number, part: Partial<StageRow>) =>
    onChange(stages.map((stage) => (stage.id === id ? { ...stage, ...part } : stage)));
  return (
    <div className={styles.stages}>
      <fieldset className={styles.presets} aria-label="Begin with">
        {Object.entries(PRESETS).map(([name, make]) => (
          <button
            key={name}
            type="button"
            onClick={() =>
              onChange(
                make(peak).map(([time, users], index) => ({ id: next + index, time, users: String(users) })),
              )
            }
          >
            {name}
          </button>
        ))}
      </fieldset>
      <ol aria-label="Stages" aria-describedby={problem === undefined ? undefined : "stages-problem"}>
        {stages.map(({ id, time, users }, index) => (
          <li key={id}>
            <span>within</span>
            <input
              aria-label={`Time of stage ${index + 1}`}
              aria-invalid={problem !== undefined || undefined}
              data-field={index === 0 ? "stages" : undefined}
              value={time}
              autoComplete="off"
              onChange={({ target }) => edit(id, { time: target.value })}
            />
            <span>to</span>
            <input
              aria-label={`Users at the end of stage ${index + 1}`}
              aria-invalid={problem !== undefined || undefined}
              inputMode="numeric"
              value={users}
              autoComplete="off"
              onChange={({ target }) => edit(id, { users: target.value })}
            />
            <span>users</span>
            <button
              type="button"
              aria-label={`Remove stage ${index + 1}`}
              disabled={stages.length === 1}
              onClick={() => onChange(stages.filter((stage) => stage.id !== id))}
            >
              <Icon name="close" size={14} />
            </button>
          </li>
        ))}
      </ol>
      <button
        type="button"
        className={styles.add}
        onClick={() => onChange([...stages, { id: next, time: "1m", users: stages.at(-1)?.users ?? "1" }])}
      >
        <Icon name="add" size={14} /> Add a stage
      </button>
      {problem !== undefined && (
        <p className={styles.problem} id="stages-problem">
          {problem}
        </p>
      )}
    </div>
  );
}
