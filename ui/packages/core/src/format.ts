/** How numbers and times are written on screen. "—" is no data; it is never written as 0. */

export const NO_DATA = "—";

const THIN = "\u202f";

type Maybe = number | null | undefined;

/** Whole counts with separators: 12,481. */
export function count(value: Maybe): string {
  return isNumber(value) ? Math.round(value).toLocaleString("en-US") : NO_DATA;
}

/** Three significant figures: 0.42, 1.24, 182, 1,204. */
export function significant(value: Maybe): string {
  if (!isNumber(value)) return NO_DATA;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 99.95) return Math.round(value).toLocaleString("en-US");
  if (size >= 9.995) return value.toFixed(1);
  if (size >= 0.01) return value.toFixed(2);
  return Number(value.toPrecision(2)).toString();
}

/** Milliseconds for a column whose header has the unit. */
export function millis(value: Maybe): string {
  return significant(value);
}

/** A time with its unit: 0.42 ms, 182 ms, 1.24 s. */
export function time(value: Maybe): string {
  const { text, unit } = timeParts(value);
  return unit === "" ? text : `${text}${THIN}${unit}`;
}

/** A number apart from its unit, for large figures with a small unit. */
export interface Parts {
  text: string;
  unit: string;
}

export function timeParts(value: Maybe): Parts {
  if (!isNumber(value)) return { text: NO_DATA, unit: "" };
  if (Math.abs(value) < 999.5) return { text: significant(value), unit: "ms" };
  if (Math.abs(value) < 99_950) return { text: significant(value / 1000), unit: "s" };
  return { text: clock(value), unit: "" };
}

/** A ratio as per cent, with two decimals under 1 %: "<0.01", "0.42", "12.5". */
export function percent(ratio: Maybe): string {
  if (!isNumber(ratio)) return NO_DATA;
  const value = ratio * 100;
  if (value === 0) return "0";
  if (value < 0.01) return "<0.01";
  if (value >= 99.95 && value < 100) return ">99.9";
  if (value >= 100) return Math.round(value).toString();
  return value < 1 ? value.toFixed(2) : value.toFixed(1);
}

/** Requests per second: one decimal until a hundred. */
export function rate(value: Maybe): string {
  if (!isNumber(value)) return NO_DATA;
  if (value === 0) return "0";
  if (value < 0.1) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US");
}

/** A short rate for the window title: 1.2k. */
export function shortRate(value: Maybe): string {
  if (!isNumber(value)) return NO_DATA;
  if (value >= 999_500) return `${(value / 1_000_000).toFixed(1)}M`;
  if (value >= 999.5) return `${(value / 1000).toFixed(1)}k`;
  return value < 9.95 ? value.toFixed(1) : Math.round(value).toString();
}

/** Bytes in IEC units: 512 B, 1.5 KiB. */
export function bytes(value: Maybe): string {
  if (!isNumber(value)) return NO_DATA;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let index = 0;
  while (size >= 1000 && index < units.length - 1) {
    size /= 1024;
    index += 1;
  }
  return `${index === 0 ? Math.round(size) : significant(size)}${THIN}${units[index]}`;
}

/** A length of time as a clock: 00:12:41, or 2d 03:00:00. */
export function clock(ms: Maybe): string {
  if (!isNumber(ms)) return NO_DATA;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(seconds / 86_400);
  const text = [(seconds % 86_400) / 3600, (seconds % 3600) / 60, seconds % 60].map(twoDigits).join(":");
  return days > 0 ? `${days}d ${text}` : text;
}

/** Seconds on a chart's axis or in a tooltip: 0:07, 12:41, 1:00:00. */
export function axisTime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return `${hours}:${twoDigits(minutes)}:${twoDigits(whole % 60)}`;
  return `${minutes}:${twoDigits(whole % 60)}`;
}

/** How long ago: "now", "12 s ago", "5 min ago". */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A wall-clock time of day in the reader's zone: 10:42:07. */
export function timeOfDay(epochMs: number): string {
  const date = new Date(epochMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}

function isNumber(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
