import styles from "./Name.module.css";

/** A recorded name, verbatim: as text, in a fixed-width face, cut only where there is no room. */
export function Name({ name, method }: { name: string; method: string }) {
  return (
    <span className={styles.name} title={name}>
      <span className={styles.method} aria-hidden="true">
        {method}{" "}
      </span>
      <bdi>{name}</bdi>
    </span>
  );
}
