import { Fragment } from "react";
import styles from "./Errors.module.css";

/** The places of a pattern in which messages differ. */
const HOLES = /(<(?:n|id|addr|text)>)/;

const WORDS: Readonly<Record<string, string>> = {
  "<n>": "number",
  "<id>": "id",
  "<addr>": "address",
  "<text>": "text",
};

/** A failure's message, with what differs from one to the next set apart. */
export function Pattern({ text }: { text: string }) {
  return (
    <bdi>
      {text.split(HOLES).map((part, index) => {
        const word = WORDS[part];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts have no name but their place
          <Fragment key={index}>
            {word === undefined ? part : <var className={styles.hole}>{word}</var>}
          </Fragment>
        );
      })}
    </bdi>
  );
}
