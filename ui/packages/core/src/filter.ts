/** What is typed into a table's filter: words, a /pattern/, and comparisons like `p95>300` or `fail>=1%`. */

/** Values that can be compared, by the name a comparison uses; null has no value and meets no comparison. */
export type Facts = Readonly<Record<string, number | null>>;

const COMPARISON = /^([a-z][a-z0-9]*)(>=|<=|>|<|=)(\d+(?:\.\d+)?)(%|ms|s)?$/i;

/** Whether a row meets all parts of a filter. */
export function meets(text: string, facts: Facts, filter: string): boolean {
  return parts(filter).every((part) => meetsOne(text, facts, part));
}

/** The parts of a filter, split at blanks; a pattern keeps its own. */
function parts(filter: string): string[] {
  return filter.trim().match(/\/(?:[^/\\]|\\.)+\/(?=\s|$)|\S+/g) ?? [];
}

function meetsOne(text: string, facts: Facts, part: string): boolean {
  const comparison = COMPARISON.exec(part);
  const [, name = "", sign = "", number = "", unit] = comparison ?? [];
  const value = facts[name.toLowerCase()];
  if (comparison !== null && value !== undefined) {
    return value !== null && compare(value, sign, Number(number) * (unit === "s" ? 1000 : 1));
  }
  if (part.length > 2 && part.startsWith("/") && part.endsWith("/")) {
    const pattern = regex(part.slice(1, -1));
    if (pattern !== null) return pattern.test(text);
  }
  return text.toLowerCase().includes(part.toLowerCase());
}

function compare(value: number, sign: string, limit: number): boolean {
  switch (sign) {
    case ">":
      return value > limit;
    case ">=":
      return value >= limit;
    case "<":
      return value < limit;
    case "<=":
      return value <= limit;
    default:
      return value === limit;
  }
}

/** A pattern that is still being typed may be none. */
function regex(source: string): RegExp | null {
  try {
    return new RegExp(source, "i");
  } catch {
    return null;
  }
}
