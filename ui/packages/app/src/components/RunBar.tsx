import { elapsed, format, isActive, type Run, type WireAbout } from "@katydid/core";
import { useCallback, useEffect, useRef } from "react";
import { useLive, useNow, useView } from "../live/hooks";
import { useRoute } from "../route";
import { figures, scopeLabel, useScope } from "./figures";
import { Icon } from "./Icon";
import { LiveIndicator } from "./LiveIndicator";
import styles from "./RunBar.module.css";
import { type Control, RunControls } from "./RunControls";
import { StateBadge } from "./StateBadge";

/** What runs, how it goes, and Stop: on every page, at every width. */
export function RunBar({
  about,
  open,
  setOpen,
}: {
  about: WireAbout | null;
  open: Control;
  setOpen: (open: Control) => void;
}) {
  const run = useView((view) => view.run);
  const active = run !== null && isActive(run.state);
  const { path, run: kept } = useRoute();
  const next = useRef<HTMLAnchorElement>(null);
  const focusNext = useRef(false);
  const noteFocus = useCallback(() => {
    focusNext.current = true;
  }, []);
  // The focus goes from the Stop that vanishes to what takes its place.
  useEffect(() => {
    if (!active && focusNext.current) next.current?.focus();
    focusNext.current = false;
  }, [active]);
  return (
    <section
      className={styles.bar}
      aria-label="Current run"
      data-tiles={(path === "/run/overview" && kept === null) || undefined}
    >
      <div className={styles.what}>
        <p className={styles.name} title={about?.locustfile}>
          {about?.locustfile ?? "Katydid"}
        </p>
        <p className={styles.host} title={run?.host ?? undefined}>
          {run?.host ?? about?.host ?? "no host yet"}
        </p>
      </div>
      {run !== null && (
        <>
          <div className={styles.state}>
            <StateBadge run={run} />
            <Elapsed run={run} />
          </div>
          {/* Beside a kept run they would be taken for its numbers. */}
          {run.started !== null && kept === null && <Figures />}
        </>
      )}
      <div className={styles.end}>
        <LiveIndicator />
        {active && <RunControls about={about} open={open} setOpen={setOpen} onGone={noteFocus} />}
        {run !== null && !active && path !== "/new" && (
          <a ref={next} className={styles.start} href="#/new">
            <Icon name="add" size={16} />
            New test
          </a>
        )}
      </div>
    </section>
  );
}

/** The four numbers of the bar; ten-second values while running, whole-run values afterwards. */
function Figures() {
  const scope = useScope();
  return (
    <dl className={styles.figures} data-testid="figures">
      {figures(scope).map(({ id, label, parts, of, tone }) => (
        <div key={id} data-figure={id} data-tone={tone}>
          <dt>
            {label} <span className={styles.scope}>{scopeLabel(scope, id)}</span>
          </dt>
          <dd>
            {parts.text}
            {of !== undefined && <span className={styles.of}>/{of}</span>}
            {parts.unit !== "" && <span className={styles.unit}> {parts.unit}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** The run's clock, and how much of a planned run time is over. */
function Elapsed({ run }: { run: Run }) {
  const { store } = useLive();
  useNow(250);
  const ms = elapsed(run, store.serverNow());
  if (ms === null) return null;
  const planned = run.runTime === null ? null : run.runTime * 1000;
  return (
    <div className={styles.elapsed}>
      <span>
        {format.clock(ms)}
        {planned !== null && <span className={styles.of}> / {format.clock(planned)}</span>}
      </span>
      {planned !== null && (
        <progress
          aria-label="Part of the planned time that is over"
          max={planned}
          value={Math.min(ms, planned)}
        />
      )}
    </div>
  );
}
