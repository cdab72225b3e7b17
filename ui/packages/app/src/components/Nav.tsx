import { isActive, type WireAbout } from "@katydid/core";
import { postLogout } from "../api/client";
import { useLive, useView } from "../live/hooks";
import { useRoute } from "../route";
import { toggleTheme, useTheme } from "../theme";
import { Icon, type IconName } from "./Icon";
import styles from "./Nav.module.css";

const PAGES: readonly { path: string; label: string; icon: IconName }[] = [
  { path: "/run/overview", label: "Overview", icon: "overview" },
  { path: "/run/endpoints", label: "Endpoints", icon: "endpoints" },
  { path: "/run/errors", label: "Errors", icon: "errors" },
  { path: "/run/workers", label: "Workers", icon: "workers" },
  { path: "/run/logs", label: "Logs", icon: "logs" },
];

/** A failure this recent makes the badge red. */
const FRESH_MS = 60_000;

/** Links to the pages: a rail on wide screens, tabs on middling ones, a bar at the bottom of phones. */
export function Nav({ about, onHelp }: { about: WireAbout | null; onHelp: () => void }) {
  const { path } = useRoute();
  const theme = useTheme();
  const active = useView((view) => view.run !== null && isActive(view.run.state));
  const other = theme === "dark" ? "light" : "dark";
  return (
    <>
      <nav className={styles.nav} aria-label="Pages">
        <ul>
          {PAGES.map((page) => (
            <li key={page.path}>
              <a href={`#${page.path}`} aria-current={path === page.path ? "page" : undefined}>
                <Icon name={page.icon} />
                <span>{page.label}</span>
                {page.path === "/run/errors" && <ErrorBadge />}
              </a>
            </li>
          ))}
          <li className={styles.last}>
            <a href="#/new" aria-current={path === "/new" ? "page" : undefined}>
              <Icon name="add" />
              <span>{active ? "Test form" : "New test"}</span>
            </a>
          </li>
        </ul>
      </nav>
      <div className={styles.tools}>
        {about?.visitor && (
          <button type="button" onClick={signOut} title={`Signed in as ${about.visitor.name}`}>
            <Icon name="leave" />
            <span>Sign out</span>
          </button>
        )}
        <button type="button" onClick={toggleTheme} title={`Change to the ${other} theme (T)`}>
          <Icon name={theme === "dark" ? "sun" : "moon"} />
          <span>{theme === "dark" ? "Light theme" : "Dark theme"}</span>
        </button>
        <button type="button" className={styles.help} onClick={onHelp} title="Keyboard shortcuts (?)">
          <Icon name="keyboard" />
          <span>Shortcuts</span>
        </button>
      </div>
    </>
  );
}

/** Ends the visit, and shows what the server then shows to strangers. */
async function signOut(): Promise<void> {
  await postLogout();
  location.reload();
}

/** How many kinds of failure there are; red while they still happen. */
function ErrorBadge() {
  const { store } = useLive();
  const kinds = useView((view) => view.failures.length);
  const newest = useView((view) =>
    view.failures.reduce((latest, each) => Math.max(latest, each.lastSeen), 0),
  );
  if (kinds === 0) return null;
  const fresh = store.serverNow() - newest < FRESH_MS;
  return (
    <span className={styles.badge} data-fresh={fresh || undefined}>
      {kinds > 99 ? "99+" : kinds}
      <span className="visually-hidden">{kinds === 1 ? " kind of failure" : " kinds of failure"}</span>
    </span>
  );
}
