import { format, type WireFault, type WireSample } from "@katydid/core";
import { useEffect, useRef, useState } from "react";
import { CopyButton } from "../components/CopyButton";
import styles from "./FaultDetail.module.css";
import { Pattern } from "./Pattern";
import { count } from "./words";

/** One kind of failure: its messages, its workers, and requests that failed so. */
export function FaultDetail({ fault, onClose }: { fault: WireFault; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);
  const { method, name, kind, pattern, texts, variants, workers, samples } = fault;
  const told = texts.reduce((sum, [, times]) => sum + times, 0);
  return (
    <dialog ref={dialog} className={styles.dialog} onClose={onClose} aria-labelledby="fault-title">
      <div className={styles.head}>
        <h2 id="fault-title">
          <Pattern text={pattern} />
        </h2>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </div>
      <p className={styles.totals}>
        {count(fault.count, "failure")} of type {kind} in {method} <bdi>{name}</bdi>, from{" "}
        {format.timeOfDay(fault.first_seen)} to {format.timeOfDay(fault.last_seen)}
      </p>
      {variants > 1 && (
        <table className={styles.variants}>
          <caption>Messages</caption>
          <tbody>
            {texts.map(([text, times]) => (
              <tr key={text}>
                <td>{format.count(times)}</td>
                <th scope="row">
                  <bdi>{text}</bdi>
                </th>
              </tr>
            ))}
            {variants > texts.length && (
              <tr>
                <td>{format.count(fault.count - told)}</td>
                <th scope="row">in {count(variants - texts.length, "other message")}</th>
              </tr>
            )}
          </tbody>
        </table>
      )}
      {Object.keys(workers).length > 0 && (
        <table className={styles.variants}>
          <caption>Workers</caption>
          <tbody>
            {Object.entries(workers).map(([worker, times]) => (
              <tr key={worker}>
                <td>{format.count(times)}</td>
                <th scope="row">{worker}</th>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {samples.length > 0 ? (
        <Samples samples={samples} />
      ) : (
        <p className={styles.totals}>No request is kept as an example: the script itself reported it.</p>
      )}
    </dialog>
  );
}

/** The first request that failed so, and the newest ones. */
function Samples({ samples }: { samples: readonly WireSample[] }) {
  const [index, setIndex] = useState(0);
  const sample = samples[index] ?? samples[0];
  if (sample === undefined) return null;
  return (
    <section aria-labelledby="samples-title">
      <h3 id="samples-title">Requests that failed so</h3>
      <div className={styles.tabs}>
        {samples.map(({ t }, each) => (
          <button
            // biome-ignore lint/suspicious/noArrayIndexKey: examples have no name but their place
            key={each}
            type="button"
            aria-pressed={each === index}
            onClick={() => setIndex(each)}
          >
            {each === 0 ? "First" : "Newer"}, {format.timeOfDay(t)}
          </button>
        ))}
        <CopyButton label="Copy as curl" text={curl(sample)} />
      </div>
      <Sample sample={sample} />
    </section>
  );
}

function Sample({ sample }: { sample: WireSample }) {
  const { method, url, status, error, duration_ms, request_headers, response_headers, body, body_bytes } =
    sample;
  const kept = new TextEncoder().encode(body).length;
  return (
    <div className={styles.sample}>
      <p>
        <bdi>{error}</bdi>
      </p>
      <h4>Request, {format.time(duration_ms)}</h4>
      <pre>{[`${method} ${url}`, ...request_headers.map(header)].join("\n")}</pre>
      <h4>Response</h4>
      {status === null ? (
        <p className={styles.totals}>None came.</p>
      ) : (
        <pre>{[`HTTP ${status}`, ...response_headers.map(header), "", body].join("\n")}</pre>
      )}
      {body_bytes > kept && (
        <p className={styles.totals}>
          The first {format.bytes(kept)} of {format.bytes(body_bytes)}.
        </p>
      )}
    </div>
  );
}

function header([name, value]: readonly [string, string]): string {
  return `${name}: ${value}`;
}

/** The request as a command for a shell. What was hidden stays hidden. */
function curl({ method, url, request_headers }: WireSample): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const headers = request_headers.map((each) => `-H ${quoted(header(each))}`);
  return ["curl", "-i", "-X", method, ...headers, quoted(url)].join(" ");
}
