import { format, isActive, type WireLogLine } from "@katydid/core";
import { useState } from "react";
import { EmptyState } from "../components/EmptyState";
import { useLive, useView } from "../live/hooks";
import { useRange } from "../live/range";
import styles from "./Export.module.css";

/** Addresses are relative, so that the page works under any path prefix. */
const FILES: readonly { title: string; holds: string; href: string; file?: string }[] = [
  {
    title: "Report of the run so far",
    holds: "The same report with the shares of the tasks; also where runs are not kept.",
    href: "stats/report?download=1",
  },
  {
    title: "Requests, CSV",
    holds: "The same table in Locust's columns.",
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

/** Of any stretch of a run that is kept; the addresses are below its own. */
const STRETCH_FILES: typeof FILES = [
  {
    title: "Report",
    holds: "One page of HTML with the numbers, the charts and the errors; it opens without a network.",
    href: "files/report.html",
    file: "html",
  },
  {
    title: "Summary, Markdown",
    holds: "Verdict, thresholds, endpoints and failures, for a pull request or a chat.",
    href: "files/summary.md",
    file: "md",
  },
  {
    title: "Endpoints, CSV",
    holds: "A row for each endpoint and one for all: counts, rates, times and percentiles.",
    href: "files/endpoints.csv",
    file: "endpoints.csv",
  },
  {
    title: "Course, CSV",
    holds: "A row for each step of time: users, requests, failures, percentiles and bytes.",
    href: "files/course.csv",
    file: "course.csv",
  },
  {
    title: "Failures by kind, CSV",
    holds: "A row for each failure with its kind, its endpoint and its count.",
    href: "files/failures.csv",
    file: "failures.csv",
  },
  {
    title: "Percentiles, .hgrm",
    holds: "Response times as HdrHistogram's tools read and plot them.",
    href: "files/percentiles.hgrm",
    file: "hgrm",
  },
  {
    title: "Thresholds, JUnit",
    holds: "A test case for each threshold, for CI servers.",
    href: "files/thresholds.xml",
    file: "xml",
  },
];

/** Of all of a run that is kept; the addresses are below its own. */
const KEPT_FILES: typeof FILES = [
  {
    title: "The run",
    holds: "All that is kept of it, for another machine: Import on the page of runs, or katydid import.",
    href: "file",
    file: "run",
  },
  {
    title: "Everything, JSON",
    holds: "Settings, steps, endpoints and marks as this page has them.",
    href: "snapshot",
    file: "json",
  },
  {
    title: "Failures, JSON",
    holds: "Fingerprints with their messages and when they were seen.",
    href: "errors",
    file: "failures.json",
  },
];

/** What can be taken away from a run. */
export default function Export() {
  const { store, source, kept } = useLive();
  const run = useView((view) => view.run);
  const requests = useView((view) => view.total?.requests ?? 0);
  const [pending, setPending] = useState(false);
  const range = useRange();
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
      const { lines } = await source.logs(null);
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
        {[
          ...stretchFiles(kept?.id ?? "current", range?.stretch ?? null),
          ...(kept === null ? FILES : keptFiles(kept.id)),
        ].map(({ title, holds, href, file }) => (
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
        {kept === null && (
          <li>
            <div>
              <h2>Log</h2>
              <p>The newest 5,000 lines of this process and of its workers.</p>
            </div>
            <button type="button" onClick={() => void log()}>
              Download<span className="visually-hidden"> log</span>
            </button>
          </li>
        )}
      </ul>
      {kept === null && (
        <p className={styles.scope}>
          The course of each endpoint as CSV is written while the test runs, with{" "}
          <code>--csv NAME --csv-full-history</code>.
        </p>
      )}
    </>
  );
}

/** The files of a run, or of the stretch that is looked at. */
function stretchFiles(id: string, stretch: { from: number; to: number } | null): typeof FILES {
  const query = stretch === null ? "" : `?from=${stretch.from}&to=${stretch.to}`;
  return STRETCH_FILES.map(({ title, href, file, ...rest }) => ({
    ...rest,
    title: stretch === null ? title : `${title} (only the chosen stretch)`,
    href: `api/v1/runs/${encodeURIComponent(id)}/${href}${query}`,
    file: `${id}.${file ?? href}`,
  }));
}

function keptFiles(id: string): typeof FILES {
  const base = `api/v1/runs/${encodeURIComponent(id)}`;
  return KEPT_FILES.map(({ href, file, ...rest }) => ({
    ...rest,
    href: `${base}/${href}`,
    file: `${id}.${file ?? href}`,
  }));
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
