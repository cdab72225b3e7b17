import type { WireAbout } from "@katydid/core";
import styles from "./ScriptOptions.module.css";
import type { Form } from "./startForm";

/** Which tasks run, by their tags. */
export function TagPicker({
  about,
  form,
  onChange,
}: {
  about: WireAbout;
  form: Form;
  onChange: (part: Partial<Form>) => void;
}) {
  const { known } = about.tags;
  if (known.length === 0) return null;
  const choose = (tag: string, choice: string) => {
    const rest = (tags: readonly string[]) => tags.filter((each) => each !== tag);
    onChange({
      only: choice === "only" ? [...rest(form.only), tag] : rest(form.only),
      unwanted: choice === "without" ? [...rest(form.unwanted), tag] : rest(form.unwanted),
    });
  };
  return (
    <fieldset className={styles.card} aria-labelledby="tags-title">
      <h2 id="tags-title">Tasks by tag</h2>
      {known.map((tag) => (
        <label key={tag} className={styles.tick}>
          <select
            aria-label={`Tasks with the tag ${tag}`}
            value={form.only.includes(tag) ? "only" : form.unwanted.includes(tag) ? "without" : ""}
            onChange={({ target }) => choose(tag, target.value)}
          >
            <option value="">all</option>
            <option value="only">only these</option>
            <option value="without">none of these</option>
          </select>
          <code>{tag}</code>
        </label>
      ))}
    </fieldset>
  );
}
