import { useState } from "react";
import { enableShortcuts, SHORTCUTS, shortcutsEnabled } from "../keys";
import { chooseTheme, type ThemeChoice, useThemeChoice } from "../theme";
import type { PageProps } from "./Page";
import styles from "./Settings.module.css";

const THEMES: readonly [ThemeChoice, string][] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];

/** What this browser remembers, and what the page is about. */
export default function Settings({ about }: PageProps) {
  const theme = useThemeChoice();
  const [enabled, setEnabled] = useState(shortcutsEnabled);
  return (
    <>
      <h1 className={styles.title}>Settings</h1>
      <p className={styles.hint}>They are kept in this browser.</p>
      <fieldset className={styles.panel}>
        <legend>Theme</legend>
        {THEMES.map(([choice, label]) => (
          <label key={choice}>
            <input
              type="radio"
              name="theme"
              checked={theme === choice}
              onChange={() => chooseTheme(choice)}
            />
            {label}
          </label>
        ))}
      </fieldset>
      <section className={styles.panel} aria-labelledby="keys-title">
        <h2 id="keys-title">Keyboard shortcuts</h2>
        <label>
          <input
            type="checkbox"
            checked={enabled}
            onChange={({ target }) => {
              enableShortcuts(target.checked);
              setEnabled(target.checked);
            }}
          />
          Use keyboard shortcuts
        </label>
        <dl className={styles.keys}>
          {SHORTCUTS.map(([keys, what]) => (
            <div key={what}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </section>
      {about !== null && (
        <section className={styles.panel} aria-labelledby="about-title">
          <h2 id="about-title">About</h2>
          <dl className={styles.about}>
            <dt>Katydid</dt>
            <dd>{about.version}</dd>
            <dt>Script</dt>
            <dd>{about.locustfile}</dd>
            {about.visitor && (
              <>
                <dt>Signed in as</dt>
                <dd>
                  {about.visitor.name}, {about.visitor.role}
                </dd>
              </>
            )}
          </dl>
        </section>
      )}
    </>
  );
}
