import { useEffect, useState } from "react";
import { useLive } from "./hooks";

/**
 * What a call gives, read anew every `interval` ms while it is shown; null until the first answer. Of a
 * run that has ended long ago it is read once.
 */
export function usePolled<T>(read: () => Promise<T>, interval: number): T | null {
  const { settled } = useLive();
  const [value, setValue] = useState<T | null>(null);
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async () => {
      let known = false;
      try {
        const answer = document.hidden ? null : await read();
        if (wanted && answer !== null) setValue(answer);
        known = answer !== null;
      } catch {
        // The connection banner tells; what was known stays.
      }
      if (wanted && !(settled && known)) timer = setTimeout(poll, interval);
    };
    void poll();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [read, interval, settled]);
  return value;
}
