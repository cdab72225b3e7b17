import { isActive, stateLabel } from "@katydid/core";
import { type ComponentType, lazy, Suspense, useEffect, useMemo, useState } from "react";
import styles from "./App.module.css";
import { hasRuns } from "./api/client";
import { Announcer } from "./components/Announcer";
import { Banners } from "./components/Banners";
import { Logo } from "./components/Logo";
import { Nav } from "./components/Nav";
import { PageBoundary } from "./components/PageBoundary";
import { RunBar } from "./components/RunBar";
import type { Control } from "./components/RunControls";
import { ShortcutsDialog } from "./components/ShortcutsDialog";
import { Toasts } from "./components/Toasts";
import { useShortcuts } from "./keys";
import { useAbout, useLive, useView } from "./live/hooks";
import { RangeContext, useReadRange } from "./live/range";
import { useRangeInAddress } from "./live/rangeInAddress";
import { chartGroup } from "./pages/chartGroup";
import { Endpoints } from "./pages/Endpoints";
import { Errors } from "./pages/Errors";
import { Load } from "./pages/Load";
import { Logs } from "./pages/Logs";
import { NewTest } from "./pages/NewTest";
import { Overview } from "./pages/Overview";
import type { PageProps } from "./pages/Page";
import { Workers } from "./pages/Workers";
import { redirect, useRoute } from "./route";
import { useTitle } from "./title";

/** The frame of every page: navigation, run bar, messages, and the page itself. */
export function App() {
  const about = useAbout();
  const route = useRoute();
  const { path } = route;
  const { store } = useLive();
  useRangeInAddress();
  const run = useView((view) => view.run);
  // A run that is not known yet has no stretches.
  const range = useReadRange(route.run === null && typeof run?.started === "number");
  const [open, setOpen] = useState<Control>(null);
  const [helping, setHelping] = useState(false);
  useTitle();

  const commands = useMemo(
    () => ({
      control: (control: Control) => {
        const state = store.view.run?.state;
        if (state !== undefined && isActive(state)) setOpen(control);
      },
      help: () => setHelping(true),
      leave: () => {
        chartGroup.setZoom(null);
      },
    }),
    [store],
  );
  useShortcuts(commands);

  const state = run?.state;
  const known = PAGES[path] !== undefined;
  useEffect(() => {
    if (state === undefined || known) return;
    if (state !== "ready") {
      redirect("/run/overview");
      return;
    }
    let wanted = true;
    // Where nothing was run yet there is nothing to see but the form.
    const toForm = () => wanted && redirect("/new");
    hasRuns().then((has) => (has ? wanted && redirect("/runs") : toForm()), toForm);
    return () => {
      wanted = false;
    };
  }, [state, known]);

  const word = run === null ? null : stateLabel(run).word;
  useEffect(() => {
    if (word !== null) store.announce(word);
  }, [word, store]);

  const Page = PAGES[path];
  return (
    <div className={styles.frame}>
      <button type="button" className={styles.skip} onClick={focusMain}>
        Skip to content
      </button>
      <header className={styles.rail}>
        <a className={styles.brand} href="#/" aria-label="Katydid, to the current run">
          <Logo />
          <span className={styles.wordmark}>Katydid</span>
        </a>
        <Nav about={about} onHelp={() => setHelping(true)} />
        {about !== null && <p className={styles.version}>Version {about.version}</p>}
      </header>
      <div className={styles.column}>
        <RangeContext value={range}>
          <RunBar about={about} open={open} setOpen={setOpen} />
          <Banners />
          <main id="main" className={styles.main} tabIndex={-1}>
            <PageBoundary page={`${route.run} ${path}`}>
              <Suspense>
                {Page === undefined || run === null ? null : route.run === null ? (
                  <Page about={about} />
                ) : (
                  <KeptRun key={route.run} id={route.run} about={about} Page={Page} />
                )}
              </Suspense>
            </PageBoundary>
          </main>
        </RangeContext>
      </div>
      <Toasts />
      <Announcer />
      <ShortcutsDialog open={helping} onClose={() => setHelping(false)} />
    </div>
  );
}

/** What is not needed to see a run comes when it is asked for. */
const Runs = lazy(() => import("./pages/Runs"));
const Compare = lazy(() => import("./pages/Compare"));
const Export = lazy(() => import("./pages/Export"));
const Settings = lazy(() => import("./pages/Settings"));
const KeptRun = lazy(() => import("./pages/KeptRun"));

const PAGES: Readonly<Record<string, ComponentType<PageProps> | undefined>> = {
  "/new": NewTest,
  "/run/overview": Overview,
  "/run/endpoints": Endpoints,
  "/run/errors": Errors,
  "/run/load": Load,
  "/run/workers": Workers,
  "/run/logs": Logs,
  "/run/export": Export,
  "/runs": Runs,
  "/compare": Compare,
  "/settings": Settings,
};

/** A link could not do this: the part of the address after # is the route. */
function focusMain(): void {
  document.getElementById("main")?.focus();
}
