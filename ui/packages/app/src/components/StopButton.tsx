import { format } from "@katydid/core";
import { Popover } from "radix-ui";
import { useLayoutEffect, useRef, useState } from "react";
import { postStop } from "../api/client";
import { useView } from "../live/hooks";
import { useCommand } from "../live/useCommand";
import { Icon } from "./Icon";
import styles from "./StopButton.module.css";

const WORDS = { failed: "Stop failed", nothing: "nothing was stopped" };

/** Seconds that tasks get to finish unless something else is entered. */
const PATIENCE = "60";

/** Stop, and the question before it. `S` opens it with "Stop now" in focus, so that Enter stops. */
export function StopButton({
  open,
  setOpen,
  forbidden,
  onGone,
}: {
  open: boolean;
  setOpen: (open: boolean) => void;
  /** Why this visitor may not stop the test. */
  forbidden: string | undefined;
  /** Called when the button leaves the page with the focus on it. */
  onGone: () => void;
}) {
  const stopping = useView((view) => view.run?.state === "stopping" || view.run?.state === "cleanup");
  const left = useView((view) => view.run?.users ?? 0);
  const [pending, setPending] = useState(false);
  const [timeout, setTimeout] = useState(PATIENCE);
  const box = useRef<HTMLDivElement>(null);
  const confirm = useRef<HTMLButtonElement>(null);
  const give = useCommand();

  useLayoutEffect(() => {
    const element = box.current;
    return () => {
      if (element?.contains(document.activeElement)) onGone();
    };
  }, [onGone]);

  const stop = async (mode: "now" | "finish") => {
    if (pending) return;
    setPending(true);
    setOpen(false);
    const seconds = Number(timeout);
    const patience = Number.isFinite(seconds) && seconds >= 0 ? seconds : Number(PATIENCE);
    await give(WORDS, postStop(mode === "now" ? { mode } : { mode, timeout: patience }));
    setPending(false);
  };

  const busy = pending || stopping;
  const inactive = busy || forbidden !== undefined;
  return (
    <div className={styles.box} ref={box}>
      <Popover.Root open={open && !inactive} onOpenChange={setOpen}>
        <Popover.Trigger
          className={styles.stop}
          aria-keyshortcuts="S"
          aria-disabled={inactive || undefined}
          title={forbidden}
        >
          <Icon name="stop" size={16} />
          {busy ? stoppingText(left) : "Stop"}
        </Popover.Trigger>
        <Popover.Content
          className={styles.popover}
          align="end"
          sideOffset={8}
          collisionPadding={12}
          aria-label="Stop the test"
          onOpenAutoFocus={(event) => {
            event.preventDefault();
            confirm.current?.focus();
          }}
        >
          <p>Stop all users? The results so far are kept.</p>
          <div className={styles.actions}>
            <button type="button" ref={confirm} className={styles.confirm} onClick={() => stop("now")}>
              Stop now
            </button>
            <Popover.Close>Keep running</Popover.Close>
          </div>
          <form
            className={styles.finish}
            onSubmit={(event) => {
              event.preventDefault();
              void stop("finish");
            }}
          >
            <button type="submit">Let tasks finish</button>
            <label>
              within{" "}
              <input
                inputMode="numeric"
                value={timeout}
                aria-label="Seconds that tasks get to finish"
                onChange={({ target }) => setTimeout(target.value)}
              />{" "}
              s
            </label>
          </form>
        </Popover.Content>
      </Popover.Root>
    </div>
  );
}

function stoppingText(left: number): string {
  return left === 0 ? "Stopping…" : `Stopping, ${format.count(left)} left`;
}
