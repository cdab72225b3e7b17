import { format } from "@katydid/core";
import { useLive, useNow, useView } from "../live/hooks";
import styles from "./Banners.module.css";
import { Icon } from "./Icon";

/** What is wrong with the data as a whole, above every page. */
export function Banners() {
  return (
    <>
      <Disconnected />
      <Restarted />
      <Health />
      <Truncated />
    </>
  );
}

function Disconnected() {
  const { store, feed } = useLive();
  const retryAt = useView((view) => view.retryAt);
  const loaded = useView((view) => view.loaded);
  const now = useNow(500);
  const link = store.linkView(now);
  if (link.kind !== "lost") return null;
  const seconds = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - now) / 1000));
  return (
    <div className={styles.banner} data-tone="err" role="alert">
      <Icon name="errors" />
      <p>
        {loaded ? (
          <>
            Lost contact with the controller. <strong>The test may still be running.</strong>
          </>
        ) : (
          "The controller does not answer."
        )}
      </p>
      {/* The countdown changes every second and must not be read out each time. */}
      <p className={styles.detail} aria-hidden="true">
        {loaded && `Last heard ${format.ago(link.age)}. `}
        {seconds > 0 ? `Retrying in ${seconds} s` : "Retrying…"}
      </p>
      <button type="button" onClick={feed.retryNow}>
        Retry now
      </button>
    </div>
  );
}

function Restarted() {
  const { store } = useLive();
  const restartedAt = useView((view) => view.restartedAt);
  if (restartedAt === null) return null;
  return (
    <div className={styles.banner} data-tone="warn" role="alert">
      <Icon name="errors" />
      <p>
        The controller restarted at {format.timeOfDay(restartedAt)}; a run that was under way was interrupted.
        This page now shows the new controller.
      </p>
      <button type="button" onClick={() => store.forgetRestart()}>
        Dismiss
      </button>
    </div>
  );
}

/** What the generator does to the numbers: said before anybody trusts them. */
function Health() {
  const health = useView((view) => view.health);
  return health.map(({ code, level, text }) => (
    <div key={code} className={styles.banner} data-tone={level === "error" ? "err" : "warn"} role="status">
      <Icon name="errors" />
      <p>{text}</p>
    </div>
  ));
}

function Truncated() {
  const truncated = useView((view) => view.truncated);
  if (truncated === null) return null;
  return (
    <div className={styles.banner} data-tone="warn">
      <Icon name="errors" />
      <p>Not everything is shown: {truncated}</p>
    </div>
  );
}
