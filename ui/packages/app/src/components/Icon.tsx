/** Line icons on a 24 px grid. They accompany words and carry no meaning of their own. */

const PATHS = {
  overview: "M4 19V5M4 19h16M8 15l3.5-4 3 2.5L20 7",
  endpoints: "M4 6h16M4 12h16M4 18h10",
  errors:
    "M12 8.5v4.5M12 16.5v.01M10.3 4.2 2.9 17.2A2 2 0 0 0 4.6 20.2h14.8a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0Z",
  workers: "M4 4h16v6H4zM4 14h16v6H4zM8 7v.01M8 17v.01",
  logs: "M6 3h9l4 4v14H6zM9.5 11h6M9.5 15h6",
  add: "M12 5v14M5 12h14",
  stop: "M7 7h10v10H7z",
  play: "M8 5.5v13l10.5-6.5z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5v2M12 19.5v2M4.2 4.2l1.4 1.4M18.4 18.4l1.4 1.4M2.5 12h2M19.5 12h2M4.2 19.8l1.4-1.4M18.4 5.6l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
  keyboard:
    "M3 7.5A1.5 1.5 0 0 1 4.5 6h15A1.5 1.5 0 0 1 21 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 16.5zM7 10v.01M11 10v.01M15 10v.01M8 14h8",
  pause: "M9 6v12M15 6v12",
  more: "M6 12v.01M12 12v.01M18 12v.01",
  load: "M4 18h4v-5h4V8h4V5h4",
  segment: "M5 4v16M9 8h10M9 12h7M9 16h10",
  note: "M5 5h14v10H10l-5 4z",
  export: "M12 4v10M8 10.5l4 4 4-4M5 19h14",
  settings: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  leave: "M10 5H5v14h5M14 8l4 4-4 4M18 12H9",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  close: "M6 6l12 12M18 6 6 18",
  table: "M4 5h16v14H4zM4 10h16M10 10v9",
  chart: "M4 19V5M4 19h16M8 15l3.5-4 3 2.5L20 7",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4",
  star: "m12 4 2.5 5.2 5.7.8-4.1 4 1 5.6L12 16.9l-5.1 2.7 1-5.6-4.1-4 5.7-.8z",
  import: "M12 14V4M8 7.5l4-4 4 4M5 19h14",
  check: "M5 12.5 10 17.5 19 7",
  live: "M12 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM8 16a5.5 5.5 0 0 1 0-8M16 8a5.5 5.5 0 0 1 0 8",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill={name === "stop" || name === "play" ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
