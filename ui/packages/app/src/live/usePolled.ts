import { useEffect, useState } from "react";

/** What a call gives, read anew every `interval` ms while it is shown; null until the first answer. */
export function usePolled<T>(read: () => Promise<T>, interval: number): T | null {
  const [value, setValue] = useState<T | null>(null);
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async () => {
      try {
        const answer = document.hidden ? null : await read();
        if (wanted && answer !== null) setValue(answer);
      } catch {
        // The connection banner tells; what was known stays.
      }
      if (wanted) timer = setTimeout(poll, interval);
    };
    void poll();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [read, interval]);
  return value;
}
