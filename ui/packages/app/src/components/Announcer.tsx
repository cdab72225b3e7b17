import { useView } from "../live/hooks";

/** The page's one live region: states, recoveries and what the reader asked to hear. */
export function Announcer() {
  const announcement = useView((view) => view.announcement);
  return (
    <p className="visually-hidden" role="status" aria-live="polite">
      {announcement}
    </p>
  );
}
