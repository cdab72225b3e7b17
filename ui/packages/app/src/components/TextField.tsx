import styles from "./TextField.module.css";

/** A labelled input with a hint, and what is wrong with it underneath. */
export function TextField({
  id,
  field,
  label,
  hint,
  value,
  problem,
  inputMode,
  placeholder,
  options = [],
  secret = false,
  onChange,
  onBlur,
}: {
  id: string;
  field: string;
  label: string;
  hint: string;
  value: string;
  problem: string | undefined;
  inputMode: "text" | "numeric" | "decimal" | "url";
  placeholder?: string;
  /** Values offered for completion. */
  options?: readonly string[];
  /** What is typed is not to be seen. */
  secret?: boolean;
  onChange: (value: string) => void;
  onBlur: () => void;
}) {
  const bad = problem !== undefined;
  return (
    <div className={styles.field}>
      <p className={styles.head}>
        <label htmlFor={id}>{label}</label> <span id={`${id}-hint`}>{hint}</span>
      </p>
      <input
        id={id}
        name={id}
        data-field={field}
        type={secret ? "password" : "text"}
        inputMode={inputMode}
        value={value}
        placeholder={placeholder}
        autoComplete={secret ? "new-password" : "off"}
        autoCapitalize="none"
        spellCheck={false}
        list={options.length > 0 ? `${id}-options` : undefined}
        aria-invalid={bad || undefined}
        aria-describedby={bad ? `${id}-problem ${id}-hint` : `${id}-hint`}
        onChange={({ target }) => onChange(target.value)}
        onBlur={onBlur}
      />
      {options.length > 0 && (
        <datalist id={`${id}-options`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      {bad && (
        <p className={styles.problem} id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}
