import type { WireAbout, WireUserClass } from "@katydid/core";
import { format } from "@katydid/core";
import styles from "./ClassPicker.module.css";
import { chosen, type Form, shareOf } from "./startForm";

/** Which user classes take part, what they do, and how many users each gets. */
export function ClassPicker({
  about,
  form,
  problem,
  onChange,
}: {
  about: WireAbout;
  form: Form;
  problem: string | undefined;
  onChange: (part: Partial<Form>) => void;
}) {
  const classes = about.user_classes;
  const all = chosen(form, about).length === classes.length;
  return (
    <fieldset
      className={styles.card}
      aria-labelledby="classes-title"
      aria-describedby={problem === undefined ? undefined : "classes-problem"}
    >
      <div className={styles.head}>
        <h2 id="classes-title">User classes</h2>
        {classes.length > 1 && (
          <button
            type="button"
            onClick={() => onChange({ without: all ? classes.map(({ name }) => name) : [] })}
          >
            {all ? "Choose none" : "Choose all"}
          </button>
        )}
      </div>
      <ul>
        {classes.map((each, index) => (
          <li key={each.name}>
            <label>
              <input
                type="checkbox"
                data-field={index === 0 ? "classes" : undefined}
                checked={!form.without.includes(each.name)}
                onChange={({ target }) =>
                  onChange({
                    without: target.checked
                      ? form.without.filter((name) => name !== each.name)
                      : [...form.without, each.name],
                  })
                }
              />
              <span className={styles.name}>{each.name}</span>
              <span className={styles.share}>{shareText(each, form, about)}</span>
            </label>
            {each.tasks.length > 0 && <Tasks tasks={each.tasks} />}
          </li>
        ))}
      </ul>
      {problem !== undefined && (
        <p className={styles.problem} id="classes-problem">
          {problem}
        </p>
      )}
    </fieldset>
  );
}

function Tasks({ tasks }: { tasks: WireUserClass["tasks"] }) {
  return (
    <p className={styles.tasks}>
      <span className="visually-hidden">Tasks: </span>
      {tasks.map(({ name, weight }) => (
        <span key={name} className={styles.task}>
          {name}
          {weight !== 1 && <span className={styles.weight}> ×{weight}</span>}
        </span>
      ))}
    </p>
  );
}

/** "weight 3 · 75 % → 8 users", or the fixed count. */
function shareText(each: WireUserClass, form: Form, about: WireAbout): string {
  const share = shareOf(each.name, form, about);
  if (share === null) return "left out";
  const users = `${format.count(share.users)} ${share.users === 1 ? "user" : "users"}`;
  if (each.fixed_count > 0) return `fixed · ${users}`;
  return `weight ${each.weight} · ${Math.round(share.ratio * 100)} % · ${users}`;
}
