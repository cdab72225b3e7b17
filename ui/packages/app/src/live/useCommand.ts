import { useCallback } from "react";
import type { Outcome } from "../api/client";
import { useLive } from "./hooks";

/** What is said when a command fails, and when it does not arrive. */
export interface Words {
  /** "Stop failed" */
  failed: string;
  /** "nothing was stopped" */
  nothing: string;
}

/** Gives commands, and says in a message what went wrong. True if it was carried out, as far as is known. */
export function useCommand(): (words: Words, command: Promise<Outcome>) => Promise<boolean> {
  const { store } = useLive();
  return useCallback(
    async ({ failed, nothing }, command) => {
      const outcome = await command;
      if (outcome.kind === "refused" || outcome.kind === "conflict") {
        store.toast(`${failed}: ${outcome.message}`, "err");
        return false;
      }
      // A controller that lets its users finish may take long to answer; the state then tells.
      const lost = outcome.kind === "silent" && store.linkView(Date.now()).kind !== "live";
      if (outcome.kind === "unreachable" || lost) {
        store.toast(`Could not reach the controller; ${nothing}.`, "err");
        return false;
      }
      return true;
    },
    [store],
  );
}
