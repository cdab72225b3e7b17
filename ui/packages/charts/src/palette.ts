/** The colours of a chart, read from the page's tokens so that themes and forced colours apply. */

const TOKENS = {
  text: "--text",
  muted: "--muted",
  grid: "--grid",
  surface: "--surface",
  accent: "--accent",
  ok: "--ok",
  warn: "--warn",
  err: "--err",
  users: "--users",
  p50: "--p50",
  p90: "--p90",
  p95: "--p95",
  p99: "--p99",
} as const;

export type Colour = keyof typeof TOKENS;

export type Palette = Record<Colour, string>;

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const entries = Object.entries(TOKENS).map(([name, token]) => [name, style.getPropertyValue(token).trim()]);
  return Object.fromEntries(entries) as Palette;
}

/** A translucent form of a colour given as `#rrggbb`; anything else stays as it is. */
export function translucent(colour: string, alpha: number): string {
  const byte = Math.round(alpha * 255);
  return /^#[0-9a-f]{6}$/i.test(colour) ? `${colour}${byte.toString(16).padStart(2, "0")}` : colour;
}
