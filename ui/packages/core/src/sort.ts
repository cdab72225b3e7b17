/** Orders table rows. Rows without data come last, whichever way the order runs. */

export type Direction = "ascending" | "descending";

export interface Sort<Key extends string = string> {
  key: Key;
  direction: Direction;
}

export type SortValue = number | string | null;

/** A sorted copy; equal rows keep their order. */
export function sortRows<T>(rows: readonly T[], value: (row: T) => SortValue, direction: Direction): T[] {
  const sign = direction === "ascending" ? 1 : -1;
  return [...rows].sort((a, b) => {
    const left = value(a);
    const right = value(b);
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return sign * compare(left, right);
  });
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return COLLATOR.compare(String(a), String(b));
}

const COLLATOR = new Intl.Collator("en", { numeric: true });
