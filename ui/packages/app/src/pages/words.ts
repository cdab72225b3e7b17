/** Counts with their noun. */
import { format } from "@katydid/core";

/** "1 user", "12,481 requests", "2 classes" where the plural is given. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${format.count(number)} ${number === 1 ? noun : plural}`;
}
