import { format, isActive, type WireLogLine } from "@katydid/core";
import { useState } from "react";
import { readLogs } from "../api/client";
import { EmptyState } from "../components/EmptyState";
import { useLive, useView } from "../live/hooks";
import styles from "./Export.module.css";

/** Addresses are relative, so that the page works under any path prefix. */
const FILES: readonly { title: string; holds: string; href: string; file?: string }[] = [
  {
    title: "Report",
    holds: "One page of HTML with the numbers, the charts and the errors; it opens without a network.",
    href: "stats/report?download=1",
  },
  {
    title: "Requests, CSV",
    holds: "A row for each endpoint and one for all: counts, rates, times and percentiles of the whole run.",
    href: "stats/requests/csv",
  },
  {
    title: "Failures, CSV",
    holds: "A row for each kind of failure with its count.",
    href: "stats/failures/csv",
  },
  {
    title: "Exceptions, CSV",
    holds: "What scripts did not catch, with where it was raised.",
    href: "exceptions/csv",
  },
  {
    title: "Everything, JSON",
    holds: "State, seconds, endpoints, marks and losses as this page has them.",
    href: "api/v1/snapshot",
    file: "katydid-run.json",
  },
  {
    title: "Failures, JSON",
    holds: "Fingerprints with their messages and examples of requests, their secrets hidden.",
    href: "api/v1/errors",
    file: "katydid-failures.json",
  },
];

/** What can be taken away from a run. */
export function Export() {
  const { store } = useLive();
  const run = useView((view) => view.run);
  const requests = useView((view) => view.total?.requests ?? 0);
  const [pending, setPending] = useState(false);
  if (run === null || run.started === null) {
    return (
      <>
        <h1 className={styles.title}>Export</h1>
        <EmptyState title="Nothing to export yet" action={{ href: "#/new", label: "Start a test" }}>
          The report and the files of a run are offered here.
        </EmptyState>
      </>
    );
  }
  const log = async () => {
    if (pending) return;
    setPending(true);
    try {
      const { lines } = await readLogs(null);
      save("katydid.log", lines.map(lineText).join(""));
    } catch {
      store.toast("The log could not be read: the controller does not answer.", "err");
    }
    setPending(false);
  };
  return (
    <>
      <h1 className={styles.title}>Export</h1>
      <p className={styles.scope}>
        {isActive(run.state) ? "The test goes on: a file holds" : "Each file holds"} the whole run, as of{" "}
        {format.timeOfDay(run.ended ?? store.serverNow())}, {format.count(requests)} requests.
      </p>
      <ul className={styles.files}>
        {FILES.map(({ title, holds, href, file }) => (
          <li key={href}>
            <div>
              <h2>{title}</h2>
              <p>{holds}</p>
            </div>
            <a href={href} download={file ?? ""}>
              Download<span className="visually-hidden"> {title}</span>
            </a>
          </li>
        ))}
        <li>
          <div>
            <h2>Log</h2>
            <p>The newest 5,000 lines of this process and of its workers.</p>
          </div>
          <button type="button" onClick={() => void log()}>
            Download<span className="visually-hidden"> log</span>
          </button>
        </li>
      </ul>
      <p className={styles.scope}>
        The course of each endpoint as CSV is written while the test runs, with{" "}
        <code>--csv NAME --csv-full-history</code>.
      </p>
    </>
  );
}

function lineText({ t, level, source, logger, text }: WireLogLine): string {
  return `${new Date(t).toISOString()} ${level} ${source || "-"} ${logger}: ${text}\n`;
}

/** Hands a text to the browser as a file. */
function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
