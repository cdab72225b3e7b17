import type { WireAbout } from "@katydid/core";

/** What every page is given. */
export interface PageProps {
  about: WireAbout | null;
}
