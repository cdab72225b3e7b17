import type { WireAbout, WireOption } from "@katydid/core";
import { TextField } from "../components/TextField";
import styles from "./ScriptOptions.module.css";
import type { Form } from "./startForm";

/** The options that the script has added to the command line. */
export function ScriptOptions({
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
  if (about.options.length === 0) return null;
  return (
    <fieldset
      className={styles.card}
      aria-labelledby="options-title"
      aria-describedby={problem === undefined ? undefined : "options-problem"}
    >
      <h2 id="options-title">Script options</h2>
      {about.options.map((option, index) => (
        <Option
          key={option.name}
          option={option}
          field={index === 0 ? "options" : ""}
          value={form.options[option.name] ?? ""}
          onChange={(value) => onChange({ options: { ...form.options, [option.name]: value } })}
        />
      ))}
      {problem !== undefined && (
        <p className={styles.problem} id="options-problem">
          {problem}
        </p>
      )}
    </fieldset>
  );
}

function Option({
  option,
  field,
  value,
  onChange,
}: {
  option: WireOption;
  field: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const { name, choices, is_secret, is_required } = option;
  const id = `option-${name}`;
  const hint = [option.help, is_required ? "required" : null].filter((part) => part !== null).join(" · ");
  if (typeof option.value === "boolean") {
    return (
      <label className={styles.tick}>
        <input
          type="checkbox"
          data-field={field}
          checked={value === "true"}
          onChange={({ target }) => onChange(String(target.checked))}
        />
        <span className={styles.name}>{name}</span> <span className={styles.hint}>{hint}</span>
      </label>
    );
  }
  if (choices.length > 0 && !Array.isArray(option.value)) {
    return (
      <div className={styles.choice}>
        <label htmlFor={id}>{name}</label> <span className={styles.hint}>{hint}</span>
        <select id={id} data-field={field} value={value} onChange={({ target }) => onChange(target.value)}>
          {!choices.includes(value) && <option value={value}>{value}</option>}
          {choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      </div>
    );
  }
  return (
    <TextField
      id={id}
      field={field}
      label={name}
      hint={hint}
      value={value}
      problem={undefined}
      inputMode="text"
      options={choices}
      secret={is_secret}
      onChange={onChange}
      onBlur={() => {}}
    />
  );
}
