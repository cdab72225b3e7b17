import type { WireKeptRun, WireLabel } from "@katydid/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import styles from "../components/TextDialog.module.css";

/** As the server has it. */
const LONGEST_TITLE = 200;
const LONGEST_NOTES = 10_000;

/** Asks for what people call a run, and for what they want to know of it later. */
export function LabelDialog({
  run,
  onSubmit,
  onClose,
}: {
  run: WireKeptRun;
  onSubmit: (label: Partial<WireLabel>) => void;
  onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [title, setTitle] = useState(run.title ?? "");
  const [notes, setNotes] = useState(run.notes);
  const [tags, setTags] = useState(run.tags.join(", "));
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const listed = tags
      .split(",")
      .map((tag) => tag.trim())
      .filter((tag) => tag !== "");
    onSubmit({ title: title.trim(), notes: notes.trim(), tags: [...new Set(listed)] });
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} className={styles.dialog} onClose={onClose} aria-labelledby="label-title">
      <h2 id="label-title">About this run</h2>
      <p className={styles.hint}>{run.id}</p>
      <form noValidate onSubmit={submit}>
        <label htmlFor="label-name">Name</label>
        <input
          id="label-name"
          value={title}
          maxLength={LONGEST_TITLE}
          autoComplete="off"
          placeholder={run.about.name}
          onChange={({ target }) => setTitle(target.value)}
        />
        <label htmlFor="label-tags">Tags, with commas between them</label>
        <input
          id="label-tags"
          value={tags}
          maxLength={LONGEST_TITLE}
          autoComplete="off"
          onChange={({ target }) => setTags(target.value)}
        />
        <label htmlFor="label-notes">Notes</label>
        <textarea
          id="label-notes"
          rows={5}
          value={notes}
          maxLength={LONGEST_NOTES}
          onChange={({ target }) => setNotes(target.value)}
        />
        <div className={styles.actions}>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className={styles.submit}>
            Save
          </button>
        </div>
      </form>
    </dialog>
  );
}
