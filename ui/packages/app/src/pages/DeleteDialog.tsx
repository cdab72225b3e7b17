import type { WireKeptRun } from "@katydid/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import styles from "../components/TextDialog.module.css";
import { count } from "./words";

/** So many are named. */
const NAMED = 5;

/** Asks whether runs are really to be deleted; of more than one, their number has to be typed. */
export function DeleteDialog({
  runs,
  onDelete,
  onClose,
}: {
  runs: readonly WireKeptRun[];
  onDelete: () => void;
  onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [isWrong, setWrong] = useState(false);
  const many = runs.length > 1;
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (many && text.trim() !== String(runs.length)) {
      setWrong(true);
      return;
    }
    onDelete();
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} className={styles.dialog} onClose={onClose} aria-labelledby="delete-title">
      <h2 id="delete-title">Delete {many ? count(runs.length, "run") : (runs[0]?.title ?? runs[0]?.id)}?</h2>
      <p className={styles.hint} id="delete-hint">
        {runs
          .slice(0, NAMED)
          .map(({ id }) => id)
          .join(", ")}
        {runs.length > NAMED && ` and ${runs.length - NAMED} more`}. All that was counted in{" "}
        {many ? "them" : "it"} is gone then, and nothing brings it back.
      </p>
      <form noValidate onSubmit={submit}>
        {many && (
          <>
            <label htmlFor="delete-number">Type {runs.length} to go on</label>
            <input
              id="delete-number"
              inputMode="numeric"
              value={text}
              autoComplete="off"
              aria-invalid={isWrong || undefined}
              aria-describedby={isWrong ? "delete-problem" : "delete-hint"}
              onChange={({ target }) => setText(target.value)}
            />
            {isWrong && (
              <p className={styles.problem} id="delete-problem">
                The number of runs is {runs.length}.
              </p>
            )}
          </>
        )}
        <div className={styles.actions}>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className={styles.danger}>
            Delete {many ? count(runs.length, "run") : "this run"}
          </button>
        </div>
      </form>
    </dialog>
  );
}
