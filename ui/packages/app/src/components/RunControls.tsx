import { isActive, type WireAbout } from "@katydid/core";
import { DropdownMenu } from "radix-ui";
import { useCallback } from "react";
import { postNote, postPause, postResume, postSegment } from "../api/client";
import { useView } from "../live/hooks";
import { useCommand } from "../live/useCommand";
import { Icon, type IconName } from "./Icon";
import { LoadDrawer } from "./LoadDrawer";
import styles from "./RunControls.module.css";
import { StopButton } from "./StopButton";
import { TextDialog } from "./TextDialog";

/** What is open over the page; one thing at a time. */
export type Control = "stop" | "load" | "note" | "segment" | null;

const PAUSE = { failed: "The users were not paused", nothing: "nothing was paused" };
const RESUME = { failed: "The users do not go on", nothing: "nothing was resumed" };
const NOTE = { failed: "The note was not taken", nothing: "the note was not taken" };
const SEGMENT = { failed: "No segment was begun", nothing: "no segment was begun" };

/** What can be done to a run: on every page, Stop at every width. */
export function RunControls({
  about,
  open,
  setOpen,
  onGone,
}: {
  about: WireAbout | null;
  open: Control;
  setOpen: (open: Control) => void;
  /** Called when the controls leave the page with the focus on them. */
  onGone: () => void;
}) {
  const run = useView((view) => view.run);
  const give = useCommand();
  const close = useCallback(() => setOpen(null), [setOpen]);
  const forbidden = whyForbidden(about);
  if (run === null || !isActive(run.state)) return null;
  const mayAct = forbidden === undefined;
  const isPaused = run.state === "paused";
  const isEnding = run.state === "stopping" || run.state === "cleanup";
  const item = (label: string, icon: IconName, act: () => void, key?: string) => (
    <DropdownMenu.Item className={styles.item} disabled={!mayAct || isEnding} onSelect={act}>
      <Icon name={icon} size={16} />
      {label}
      {key !== undefined && <kbd>{key}</kbd>}
    </DropdownMenu.Item>
  );
  return (
    <>
      <button
        type="button"
        className={styles.load}
        aria-keyshortcuts="E"
        aria-expanded={open === "load"}
        aria-disabled={!mayAct || isEnding || undefined}
        title={forbidden ?? "Change how many users run (E)"}
        onClick={() => mayAct && !isEnding && setOpen(open === "load" ? null : "load")}
      >
        Change load
      </button>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger className={styles.more} aria-label="More to do with this run" title={forbidden}>
          <Icon name="more" />
        </DropdownMenu.Trigger>
        <DropdownMenu.Content
          className={styles.menu}
          align="end"
          sideOffset={8}
          collisionPadding={12}
          onCloseAutoFocus={(event) => {
            if (open !== null) event.preventDefault();
          }}
        >
          {forbidden !== undefined && (
            <DropdownMenu.Label className={styles.why}>{forbidden}</DropdownMenu.Label>
          )}
          {item("Change load", "load", () => setOpen("load"), "E")}
          {isPaused
            ? item("Resume", "play", () => void give(RESUME, postResume()))
            : item("Pause", "pause", () => void give(PAUSE, postPause()))}
          {item("New segment…", "segment", () => setOpen("segment"))}
          {item("Note…", "note", () => setOpen("note"), "N")}
        </DropdownMenu.Content>
      </DropdownMenu.Root>
      <StopButton
        open={open === "stop"}
        setOpen={(wanted) => setOpen(wanted ? "stop" : null)}
        forbidden={forbidden}
        onGone={onGone}
      />
      {about !== null && open === "load" && mayAct && <LoadDrawer about={about} run={run} onClose={close} />}
      {open === "note" && mayAct && (
        <TextDialog
          title="Note"
          hint="It is kept with the run, at this moment, and drawn on its charts."
          label="What happened"
          action="Add note"
          required
          onSubmit={(text) => void give(NOTE, postNote(text))}
          onClose={close}
        />
      )}
      {open === "segment" && mayAct && (
        <TextDialog
          title="Begin a new segment?"
          hint="What is counted from now on can be looked at by itself. Nothing that was counted before is lost."
          label="Name (optional)"
          action="Begin segment"
          required={false}
          onSubmit={(name) => void give(SEGMENT, postSegment(name))}
          onClose={close}
        />
      )}
    </>
  );
}

/** Why this visitor may change nothing; undefined for those who may. */
export function whyForbidden(about: WireAbout | null): string | undefined {
  const visitor = about?.visitor;
  if (visitor?.role !== "viewer") return undefined;
  return `You are signed in as ${visitor.name}, who may look at the test but not change it.`;
}
