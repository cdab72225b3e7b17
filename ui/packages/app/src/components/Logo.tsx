/** The mark: a leaf with its rib, as a katydid's wing looks. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <g fill="none" stroke="var(--on-accent)" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round">
        <path d="M7 23C7 13 14 7 25.5 6.5 25.5 17 19.5 24.5 9.5 24.5" />
        <path d="M6.5 26.5C9.5 20.5 13.5 16.5 19 13.5" />
      </g>
    </svg>
  );
}
