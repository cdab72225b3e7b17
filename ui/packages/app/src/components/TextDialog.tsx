import { type FormEvent, useEffect, useRef, useState } from "react";
import styles from "./TextDialog.module.css";

/** Asks for one text before something is done. */
export function TextDialog({
  title,
  hint,
  label,
  action,
  required,
  onSubmit,
  onClose,
}: {
  title: string;
  /** What it will do, in a sentence. */
  hint: string;
  label: string;
  /** The word on the button. */
  action: string;
  required: boolean;
  onSubmit: (text: string) => void;
  onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (required && text.trim() === "") {
      setMissing(true);
      return;
    }
    onSubmit(text.trim());
    dialog.current?.close();
  };

  return (
    <dialog ref={dialog} className={styles.dialog} onClose={onClose} aria-labelledby="text-dialog-title">
      <h2 id="text-dialog-title">{title}</h2>
      <p className={styles.hint} id="text-dialog-hint">
        {hint}
      </p>
      <form noValidate onSubmit={submit}>
        <label htmlFor="text-dialog-text">{label}</label>
        <input
          id="text-dialog-text"
          value={text}
          maxLength={200}
          autoComplete="off"
          aria-invalid={isMissing || undefined}
          aria-describedby={isMissing ? "text-dialog-problem" : "text-dialog-hint"}
          onChange={({ target }) => setText(target.value)}
        />
        {isMissing && (
          <p className={styles.problem} id="text-dialog-problem">
            Enter a text.
          </p>
        )}
        <div className={styles.actions}>
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className={styles.submit}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
