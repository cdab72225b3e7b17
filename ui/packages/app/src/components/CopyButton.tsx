import { useState } from "react";
import { useLive } from "../live/hooks";

/** Puts a text onto the clipboard. */
export function CopyButton({ label, text }: { label: string; text: string }) {
  const { store } = useLive();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      store.announce("Copied");
    } catch {
      // A page without TLS may not use the clipboard.
      store.toast("The browser does not let this page copy; select the text instead.", "err");
    }
  };
  return (
    <button type="button" onClick={copy}>
      {copied ? "Copied" : label}
    </button>
  );
}
