import { isActive, type WireAbout } from "@katydid/core";
import { DropdownMenu } from "radix-ui";
import { postLogout } from "../api/client";
import { useLive, useView } from "../live/hooks";
import { ofSameRun, useRoute } from "../route";
import { toggleTheme, useTheme } from "../theme";
import { Icon, type IconName } from "./Icon";
import styles from "./Nav.module.css";

interface Place {
  path: string;
  label: string;
  icon: IconName;
  /** From which width on it has a place of its own, and not in the menu "More". */
  from?: "tablet" | "desktop";
}

const PAGES: readonly Place[] = [
  { path: "/run/overview", label: "Overview", icon: "overview" },
  { path: "/run/endpoints", label: "Endpoints", icon: "endpoints" },
  { path: "/run/errors", label: "Errors", icon: "errors" },
  { path: "/run/load", label: "Load", icon: "load" },
  { path: "/run/workers", label: "Workers", icon: "workers", from: "tablet" },
  { path: "/run/logs", label: "Logs", icon: "logs", from: "tablet" },
  { path: "/run/export", label: "Export", icon: "export", from: "desktop" },
  { path: "/runs", label: "Runs", icon: "table", from: "desktop" },
  { path: "/settings", label: "Settings", icon: "settings", from: "desktop" },
];

/** A failure this recent makes the badge red. */
const FRESH_MS = 60_000;

/** Links to the pages: a rail on wide screens, tabs on middling ones, a bar at the bottom of phones. */
export function Nav({ about, onHelp }: { about: WireAbout | null; onHelp: () => void }) {
  const { path, run } = useRoute();
  const theme = useTheme();
  const active = useView((view) => view.run !== null && isActive(view.run.state));
  const form = active ? "Test form" : "New test";
  const other = theme === "dark" ? "light" : "dark";
  return (
    <>
      <nav className={styles.nav} aria-label="Pages">
        <ul>
          {PAGES.map((page) => (
            <li key={page.path} data-from={page.from}>
              <a href={`#${ofSameRun(page.path)}`} aria-current={path === page.path ? "page" : undefined}>
                <Icon name={page.icon} />
                <span>{page.label}</span>
                {page.path === "/run/errors" && run === null && <ErrorBadge />}
              </a>
            </li>
          ))}
          <li className={styles.last} data-from="desktop">
            <a href="#/new" aria-current={path === "/new" ? "page" : undefined}>
              <Icon name="add" />
              <span>{form}</span>
            </a>
          </li>
          <li className={styles.more}>
            <More path={path} form={form} />
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

/** The pages that have no room of their own. */
function More({ path, form }: { path: string; form: string }) {
  const hidden = [
    ...PAGES.filter(({ from }) => from !== undefined),
    { path: "/new", label: form, icon: "add" },
  ];
  const here = hidden.some((page) => page.path === path);
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={styles.trigger} data-here={here || undefined}>
        <Icon name="more" />
        <span>More</span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Content className={styles.menu} align="end" sideOffset={6} collisionPadding={8}>
        {hidden.map((page) => (
          <DropdownMenu.Item key={page.path} asChild data-from={"from" in page ? page.from : undefined}>
            <a href={`#${ofSameRun(page.path)}`} aria-current={path === page.path ? "page" : undefined}>
              <Icon name={page.icon as IconName} />
              {page.label}
            </a>
          </DropdownMenu.Item>
        ))}
      </DropdownMenu.Content>
    </DropdownMenu.Root>
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
  const { kinds, last } = useView((view) => view.faults);
  if (kinds === 0) return null;
  const fresh = last !== null && store.serverNow() - last < FRESH_MS;
  return (
    <span className={styles.badge} data-fresh={fresh || undefined}>
      {kinds > 99 ? "99+" : kinds}
      <span className="visually-hidden">{kinds === 1 ? " kind of failure" : " kinds of failure"}</span>
    </span>
  );
}
