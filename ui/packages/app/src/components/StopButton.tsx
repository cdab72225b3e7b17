import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { postStop } from "../api/client";
import { useLive, useView } from "../live/hooks";
import { Icon } from "./Icon";
import styles from "./StopButton.module.css";

/** Stop, and the question before it. `S` opens it with "Stop now" in focus, so that Enter stops. */
export function StopButton({
  open,
  setOpen,
  onGone,
}: {
  open: boolean;
  setOpen: (open: boolean) => void;
  /** Called when the button leaves the page with the focus on it. */
  onGone: () => void;
}) {
  const { store } = useLive();
  const stopping = useView((view) => view.run?.state === "stopping" || view.run?.state === "cleanup");
  const [pending, setPending] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const confirm = useRef<HTMLButtonElement>(null);

  useLayoutEffect(() => {
    const element = box.current;
    return () => {
      if (element?.contains(document.activeElement)) onGone();
    };
  }, [onGone]);

  useEffect(() => {
    if (open) confirm.current?.focus();
  }, [open]);

  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open, setOpen]);

  const stop = async () => {
    if (pending) return;
    setPending(true);
    setOpen(false);
    opener.current?.focus();
    const outcome = await postStop();
    setPending(false);
    if (outcome.kind === "refused") store.toast(`Stop failed: ${outcome.message}`, "err");
    // A controller that lets its users finish may take long to answer; the state then tells.
    const lost = outcome.kind === "silent" && store.linkView(Date.now()).kind !== "live";
    if (outcome.kind === "unreachable" || lost) {
      store.toast("Could not reach the controller; nothing was stopped.", "err");
    }
  };

  const close = () => {
    setOpen(false);
    opener.current?.focus();
  };

  const busy = pending || stopping;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes from whichever button has the focus
    <div className={styles.box} ref={box} onKeyDown={(event) => event.key === "Escape" && close()}>
      <button
        ref={opener}
        type="button"
        className={styles.stop}
        aria-expanded={open}
        aria-haspopup="dialog"
        aria-keyshortcuts="S"
        onClick={() => !busy && setOpen(!open)}
      >
        <Icon name="stop" size={16} />
        {busy ? "Stopping…" : "Stop"}
      </button>
      {open && (
        <div className={styles.popover} role="dialog" aria-label="Stop the test">
          <p>Stop all users? The results so far are kept.</p>
          <div className={styles.actions}>
            <button type="button" onClick={close}>
              Keep running
            </button>
            <button type="button" ref={confirm} className={styles.confirm} onClick={stop}>
              Stop now
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
