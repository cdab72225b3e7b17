//! The report as one page of HTML that stands by itself.
//!
//! Everything in it is text, tables and SVG with presentation attributes, so it can be read where
//! scripts and styles are blocked (Jenkins serves reports so). The style sheet gives it the page's look,
//! a dark theme and a layout for paper; the script adds sorting, filtering, zoom and values under the
//! pointer, and nothing that is not there without it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use katydid_core::calendar::rounded;
use katydid_core::mark::Kind;
use katydid_core::units::Micros;
use serde_json::{Value, json};

use crate::charts::Chart;
use crate::model::{Report, Row, fail_ratio, quantile, statuses};
use crate::numbers::{Unit, bytes, count, escaped, millis, percent, span, three, utc, write};
use crate::words::{Trust, at, share};

mod baseline;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// How a report is to look.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// `light`, `dark`, or what the reader prefers.
    pub theme: String,
    /// Where it can be had as a file, if it is shown by a server.
    pub download: Option<String>,
    /// Put at its end as it is: what other programs read from it.
    pub appendix: String,
}

impl Report {
    /// The page.
    pub fn html(&self, look: &Look) -> String {
        let theme = match look.theme.as_str() {
            theme @ ("light" | "dark") => format!(" data-theme=\"{theme}\""),
            _ => String::new(),
        };
        let charts = self.charts();
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"{theme}>\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
            escaped(self.title()),
            self.badge().1,
        );
        self.head(look, &charts, &mut out);
        out.push_str("<main>\n");
        self.thresholds(&mut out);
        self.told(&mut out);
        self.tiles(&mut out);
        section(&mut out, "charts", "Charts");
        out.push_str("<div class=\"charts\">\n");
        for chart in &charts {
            figure(&mut out, chart);
        }
        out.push_str("</div>\n</section>\n");
        self.endpoints(&mut out);
        if let Some(baseline) = &self.baseline {
            baseline::section(baseline, &mut out);
        }
        self.failures(&mut out);
        self.raised(&mut out);
        self.trusted(&mut out);
        self.happened(&mut out);
        self.planned(&mut out);
        self.settings(&mut out);
        self.details(&mut out);
        self.downloads(&mut out);
        out.push_str("</main>\n");
        write(
            &mut out,
            format_args!(
                "<script type=\"application/json\" id=\"report-data\">{}</script>\n",
                in_script(&data(&charts))
            ),
        );
        write(&mut out, format_args!("<script>{SCRIPT}</script>\n"));
        out.push_str(&look.appendix);
        out.push_str("</body>\n</html>\n");
        out
    }

    /// The verdict in a word, with its class.
    fn badge(&self) -> (&'static str, &'static str) {
        match self.result.as_str() {
            "failed" => ("err", "failed"),
            "passed" => ("ok", "passed"),
            "interrupted" => ("warn", "interrupted"),
            "running" => ("warn", "under way"),
            _ => ("none", "finished"),
        }
    }

    fn head(&self, look: &Look, charts: &[Chart], out: &mut String) {
        let (class, word) = self.badge();
        let icon = match class {
            "ok" => "✔ ",
            "err" => "✖ ",
            "warn" => "⚠ ",
            _ => "",
        };
        write(
            out,
            format_args!(
                "<header>\n<h1>{} <span class=\"badge {class}\">{icon}{word}</span></h1>\n\
                 <p class=\"verdict\"><b>{}</b></p>\n<p class=\"muted\">",
                escaped(self.title()),
                escaped(&self.verdict()),
            ),
        );
        let mut facts = vec![
            escaped(self.host()),
            escaped(&utc(self.started_ms)),
            span(rounded(self.length())),
        ];
        if !self.is_whole {
            let (from, to) = (at(self.elapsed(self.from)), at(self.elapsed(self.to)));
            facts.push(format!("<b>part of the run, {from} to {to}</b>"));
        }
        if let Some(run) = &self.run {
            facts.push(format!("kept as <code>{}</code>", escaped(run)));
        }
        facts.retain(|fact| !fact.is_empty());
        write(
            out,
            format_args!("{}</p>\n<nav aria-label=\"Contents\">", facts.join(" · ")),
        );
        let mut contents = vec![("summary", "Summary")];
        if !charts.is_empty() {
            contents.push(("charts", "Charts"));
        }
        contents.push(("endpoints", "Endpoints"));
        if self.baseline.is_some() {
            contents.push(("baseline", "Comparison"));
        }
        contents.extend([
            ("failed", "Failures"),
            ("trust", "Trust"),
            ("events", "Events"),
        ]);
        contents.extend([
            ("settings", "Settings"),
            ("details", "Each endpoint"),
            ("downloads", "Downloads"),
        ]);
        let links = contents
            .iter()
            .map(|(id, title)| format!("<a href=\"#{id}\">{title}</a>"));
        out.push_str(&links.collect::<Vec<_>>().join(" "));
        if let Some(address) = &look.download {
            write(
                out,
                format_args!(
                    " <a class=\"keep\" href=\"{}\">Keep this report as a file</a>",
                    escaped(address)
                ),
            );
        }
        out.push_str("</nav>\n</header>\n");
    }

    fn thresholds(&self, out: &mut String) {
        if self.thresholds.is_empty() {
            return;
        }
        section(out, "thresholds", "Thresholds");
        let of = if self.is_whole {
            ""
        } else {
            " <span class=\"muted\">of the whole run</span>"
        };
        write(
            out,
            format_args!(
                "{of}<div class=\"scroll\"><table {TABLE}><thead><tr><th align=\"left\">Result<th align=\"left\">Fails if<th align=\"right\">Measured</thead><tbody>\n"
            ),
        );
        for judged in &self.thresholds {
            let (class, word) = match judged.standing.as_str() {
                _ if judged.failed => ("err", "✖ FAILED"),
                "near" => ("warn", "⚠ ok, near the limit"),
                "unmeasured" => ("none", "nothing to measure"),
                _ => ("ok", "✔ ok"),
            };
            write(
                out,
                format_args!(
                    "<tr><td class=\"{class}\">{word}<td><code>{}</code><td align=\"right\">{}\n",
                    escaped(&judged.text),
                    escaped(&judged.measured)
                ),
            );
        }
        out.push_str("</tbody></table></div>\n</section>\n");
    }

    fn told(&self, out: &mut String) {
        section(out, "summary", "Summary");
        write(
            out,
            format_args!(
                "<p class=\"told\">{}</p>\n</section>\n",
                escaped(&self.summary())
            ),
        );
    }

    fn tiles(&self, out: &mut String) {
        let times = self.total.times();
        let failed = percent(fail_ratio(&self.total));
        let shown = [
            ("Requests", count(self.total.requests)),
            ("Requests/s", three(self.per_second(self.total.requests))),
            ("Failed", failed),
            ("p50", millis(quantile(&times, 0.5))),
            ("p95", millis(quantile(&times, 0.95))),
            ("p99", millis(quantile(&times, 0.99))),
            ("Longest", millis(times.max().map(Micros::as_millis_f64))),
            ("Users, at most", count(self.peak_users().into())),
            ("Received", bytes(self.total.bytes_in as f64)),
            ("Sent", bytes(self.total.bytes_out as f64)),
        ];
        let mut shown = shown.to_vec();
        if self.iterations.due > 0 {
            let response = self.total.response_times();
            shown.extend([
                ("p99 from due", millis(quantile(&response, 0.99))),
                ("Iterations late", count(self.iterations.late)),
                ("Never started", count(self.iterations.dropped)),
            ]);
        }
        // A table, so that it is one without a style sheet, too.
        write(
            out,
            format_args!("<div class=\"scroll\"><table {TABLE} class=\"tiles\"><tr>"),
        );
        for (title, value) in &shown {
            let class = if *title == "Failed" && self.total.failures > 0 {
                " class=\"err\""
            } else {
                ""
            };
            write(
                out,
                format_args!("<td{class}><small>{title}</small><br><b>{value}</b>"),
            );
        }
        out.push_str("</table></div>\n");
    }

    fn endpoints(&self, out: &mut String) {
        section(out, "endpoints", "Endpoints");
        if self.rows.is_empty() {
            out.push_str("<p>No request was counted.</p>\n</section>\n");
            return;
        }
        write(
            out,
            format_args!(
                "<p class=\"muted\">Those first whose requests took the most time together.</p>\n\
                 <div class=\"scroll\"><table {TABLE} class=\"sortable\" id=\"endpoint-table\"><thead><tr>\
                 <th align=\"left\">Method<th align=\"left\">Name"
            ),
        );
        let heads = [
            "Requests",
            "Fails",
            "Fail %",
            "req/s",
            "p50",
            "p90",
            "p95",
            "p99",
            "p99.9",
            "Max",
            "Mean",
            "Mean size",
            "Time share",
        ];
        for head in heads {
            write(out, format_args!("<th align=\"right\">{head}"));
        }
        out.push_str("</thead><tbody>\n");
        for (place, row) in self.rows.iter().enumerate() {
            let name = if row.steps.is_empty() {
                escaped(&row.name)
            } else {
                format!("<a href=\"#e{place}\">{}</a>", escaped(&row.name))
            };
            self.endpoint(
                out,
                "",
                &row.method,
                &name,
                &row.count,
                share(row, &self.rows),
            );
        }
        out.push_str("</tbody><tfoot>\n");
        self.endpoint(out, " class=\"total\"", "", "All", &self.total, 1.0);
        out.push_str("</tfoot></table></div>\n</section>\n");
    }

    fn endpoint(
        &self,
        out: &mut String,
        class: &str,
        method: &str,
        name: &str,
        counted: &katydid_core::window::Count,
        share: f64,
    ) {
        let times = counted.times();
        let rate = self.per_second(counted.requests);
        let ratio = fail_ratio(counted);
        let size =
            (counted.requests > 0).then(|| counted.bytes_in as f64 / counted.requests as f64);
        write(
            out,
            format_args!(
                "<tr align=\"right\"{class}><td align=\"left\">{}<td align=\"left\" class=\"name\">{name}",
                escaped(method)
            ),
        );
        let mut cell = |value: Option<f64>, shown: String| {
            let value = value.map_or_else(String::new, |value| format!(" data-v=\"{value}\""));
            write(out, format_args!("<td{value}>{shown}"));
        };
        cell(Some(counted.requests as f64), count(counted.requests));
        cell(Some(counted.failures as f64), count(counted.failures));
        cell(ratio, percent(ratio));
        cell(Some(rate), three(rate));
        for part in [0.5, 0.9, 0.95, 0.99, 0.999] {
            let time = quantile(&times, part);
            // A percentile that only a request or two decide is not to be relied on.
            let few = (counted.requests as f64) < 10.0 / (1.0 - part);
            let shown = millis(time);
            cell(
                time,
                if few {
                    format!(
                        "<span class=\"few\" title=\"{} requests are few for this\">{shown}</span>",
                        counted.requests
                    )
                } else {
                    shown
                },
            );
        }
        let most = times.max().map(Micros::as_millis_f64);
        cell(most, millis(most));
        let mean = times.mean().map(|micros| micros / 1e3);
        cell(mean, millis(mean));
        cell(size, size.map_or_else(|| "—".to_owned(), bytes));
        cell(Some(share), percent(Some(share)));
        out.push('\n');
    }

    fn failures(&self, out: &mut String) {
        section(out, "failed", "Failures");
        if self.faults.is_empty() {
            write(
                out,
                format_args!(
                    "<p>No failures in {} requests.</p>\n</section>\n",
                    count(self.total.requests)
                ),
            );
            return;
        }
        write(
            out,
            format_args!(
                "<div class=\"scroll\"><table {TABLE} class=\"sortable\"><thead><tr><th align=\"right\">Count<th align=\"right\">Of all failures\
                 <th align=\"left\">Kind<th align=\"left\">What<th align=\"left\">Endpoint</thead><tbody>\n"
            ),
        );
        let all: u64 = self.faults.iter().map(|fault| fault.count).sum();
        for fault in &self.faults {
            let part = fault.count as f64 / all.max(1) as f64;
            write(
                out,
                format_args!(
                    "<tr><td align=\"right\" data-v=\"{}\">{}<td align=\"right\" data-v=\"{part}\">{}<td>{}<td class=\"name\"><code>{}</code><td class=\"name\">{}\n",
                    fault.count,
                    count(fault.count),
                    percent(Some(part)),
                    escaped(fault.kind),
                    escaped(&fault.pattern),
                    escaped(format!("{} {}", fault.method, fault.name).trim()),
                ),
            );
        }
        out.push_str("</tbody></table></div>\n");
        let seen = statuses(&self.total.trips);
        if !seen.is_empty() {
            let seen = seen
                .iter()
                .map(|(status, times)| format!("{status}: {}", count(*times)));
            write(
                out,
                format_args!(
                    "<p class=\"muted\">Responses by status: {}</p>\n",
                    seen.collect::<Vec<_>>().join(" · ")
                ),
            );
        }
        self.examples(out);
        out.push_str("</section>\n");
    }

    /// Requests that failed, as they went over the wire, secrets hidden.
    fn examples(&self, out: &mut String) {
        for sample in &self.samples {
            write(
                out,
                format_args!(
                    "<details><summary><code>{}</code> <span class=\"muted\">{}</span></summary><pre>{}</pre></details>\n",
                    escaped(&sample.title),
                    escaped(&utc(sample.at_ms)),
                    escaped(&sample.text)
                ),
            );
        }
    }

    fn raised(&self, out: &mut String) {
        if self.exceptions.is_empty() {
            return;
        }
        section(out, "exceptions", "Exceptions of the script");
        for raised in &self.exceptions {
            write(
                out,
                format_args!(
                    "<details open><summary>{} times: <code>{}</code></summary><pre>{}</pre></details>\n",
                    count(raised.count),
                    escaped(&raised.message),
                    escaped(&raised.traceback)
                ),
            );
        }
        out.push_str("</section>\n");
    }

    fn trusted(&self, out: &mut String) {
        let (trust, reasons) = self.trust();
        section(out, "trust", "Trust");
        let (class, sentence) = match trust {
            Trust::Sound => ("ok", "✔ The numbers are sound."),
            Trust::Suspect => (
                "warn",
                "⚠ The numbers are suspect: the generator may have distorted them.",
            ),
            Trust::Incomplete => ("err", "✖ The numbers are incomplete."),
        };
        write(
            out,
            format_args!("<p class=\"{class}\"><b>{sentence}</b></p>\n<ul>\n"),
        );
        for reason in reasons {
            write(out, format_args!("<li>{}\n", escaped(&reason)));
        }
        out.push_str("</ul>\n");
        if !self.workers.is_empty() {
            write(
                out,
                format_args!(
                    "<div class=\"scroll\"><table {TABLE}><thead><tr><th align=\"left\">Ran users<th align=\"left\">What it is<th align=\"right\">CPU, at most<th align=\"right\">Memory, at most</thead><tbody>\n"
                ),
            );
            for worker in &self.workers {
                write(
                    out,
                    format_args!(
                        "<tr><td class=\"name\">{}<td>{}<td align=\"right\">{}<td align=\"right\">{}\n",
                        escaped(&worker.id),
                        escaped(&worker.told),
                        Unit::Percent.shown(worker.peak_cpu_percent),
                        bytes(worker.peak_memory as f64)
                    ),
                );
            }
            out.push_str("</tbody></table></div>\n");
        }
        out.push_str("</section>\n");
    }

    fn happened(&self, out: &mut String) {
        section(out, "events", "Events");
        write(
            out,
            format_args!(
                "<div class=\"scroll\"><table {TABLE}><thead><tr><th align=\"right\">At<th align=\"left\">What<th align=\"left\">Kind<th align=\"left\">By</thead><tbody>\n"
            ),
        );
        for mark in &self.marks {
            let class = match mark.kind {
                Kind::Threshold | Kind::Health => " class=\"warn\"",
                _ => "",
            };
            write(
                out,
                format_args!(
                    "<tr><td align=\"right\">{}<td{class}>{}<td>{}<td>{}\n",
                    at(self.elapsed(mark.at_ms / 1000)),
                    escaped(&mark.text),
                    mark.kind.as_str(),
                    escaped(mark.by.as_deref().unwrap_or(""))
                ),
            );
        }
        out.push_str("</tbody></table></div>\n</section>\n");
    }

    /// The shares of tasks as they were planned.
    fn planned(&self, out: &mut String) {
        if self.ratios.is_empty() {
            return;
        }
        section(out, "tasks", "Tasks");
        write(
            out,
            format_args!(
                "<div class=\"scroll\"><table {TABLE}><thead><tr><th align=\"left\">Task<th align=\"right\">Share</thead><tbody>\n"
            ),
        );
        for (depth, name, part) in &self.ratios {
            let indent = "&emsp;".repeat(*depth);
            write(
                out,
                format_args!(
                    "<tr><td class=\"name\">{indent}{}<td align=\"right\">{}\n",
                    escaped(name),
                    percent(Some(*part))
                ),
            );
        }
        out.push_str("</tbody></table></div>\n</section>\n");
    }

    fn settings(&self, out: &mut String) {
        section(out, "settings", "Settings");
        write(
            out,
            format_args!("<div class=\"scroll\"><table {TABLE} class=\"facts\"><tbody>\n"),
        );
        let ended = ("ended".to_owned(), Value::from(utc(self.ended_ms)));
        let known = self.about.as_object().into_iter().flatten();
        let known = known.map(|(name, value)| (name.replace('_', " "), value.clone()));
        for (name, value) in known.chain([ended]) {
            let shown = fact(&value);
            // Thresholds have a table of their own, and a script is longer than all the rest.
            if shown.is_empty() || matches!(&*name, "thresholds" | "scripts" | "script") {
                continue;
            }
            write(
                out,
                format_args!(
                    "<tr><th align=\"left\">{}<td class=\"name\">{}\n",
                    escaped(&name),
                    escaped(&shown)
                ),
            );
        }
        out.push_str("</tbody></table></div>\n</section>\n");
    }

    fn details(&self, out: &mut String) {
        section(out, "details", "Each endpoint");
        let charted: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| !row.steps.is_empty())
            .collect();
        for (place, row) in charted.iter().enumerate() {
            let times = row.count.times();
            write(
                out,
                format_args!(
                    "<details id=\"e{place}\"><summary><b>{} {}</b> <span class=\"muted\">{} requests, {} failed, p95 {}</span></summary>\n<div class=\"charts\">\n",
                    escaped(&row.method),
                    escaped(&row.name),
                    count(row.count.requests),
                    percent(fail_ratio(&row.count)),
                    millis(quantile(&times, 0.95)),
                ),
            );
            for chart in self.charts_of(row) {
                figure(out, &chart);
            }
            out.push_str("</div></details>\n");
        }
        let left_out = self.rows.len() - charted.len();
        if left_out > 0 {
            write(
                out,
                format_args!(
                    "<p>{left_out} more endpoints, which took less time, have no charts here; their numbers are in the table above.</p>\n"
                ),
            );
        }
        out.push_str("</section>\n");
    }

    fn downloads(&self, out: &mut String) {
        section(out, "downloads", "Downloads");
        out.push_str("<p>In this file, without a network:</p>\n<ul>\n");
        let json = self.json().to_string();
        for (title, name, kind, text) in [
            (
                "Endpoints, CSV",
                "endpoints.csv",
                "text/csv",
                self.requests_csv(),
            ),
            (
                "Failures, CSV",
                "failures.csv",
                "text/csv",
                self.failures_csv(),
            ),
            ("Course, CSV", "course.csv", "text/csv", self.seconds_csv()),
            ("Everything, JSON", "run.json", "application/json", json),
        ] {
            write(
                out,
                format_args!(
                    "<li><a download=\"{name}\" href=\"data:{kind};charset=utf-8;base64,{}\">{title}</a>\n",
                    STANDARD.encode(text)
                ),
            );
        }
        out.push_str("</ul>\n</section>\n");
    }
}

/// What a table needs to look like one without a style sheet.
pub(crate) const TABLE: &str = "border=\"1\" cellspacing=\"0\" cellpadding=\"4\"";

pub(crate) fn section(out: &mut String, id: &str, title: &str) {
    write(
        out,
        format_args!("<section id=\"{id}\">\n<h2>{title}</h2>\n"),
    );
}

fn figure(out: &mut String, chart: &Chart) {
    write(out, format_args!("<figure>{}</figure>\n", chart.svg));
}

/// A setting in words; nothing for none.
fn fact(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(all) => all.iter().map(fact).collect::<Vec<_>>().join(", "),
        Value::Object(all) => {
            let all = all
                .iter()
                .map(|(name, value)| format!("{name}: {}", fact(value)));
            all.collect::<Vec<_>>().join(", ")
        }
    }
}

/// The values of the charts over time, for the script to show under the pointer.
fn data(charts: &[Chart]) -> Value {
    let charts = charts.iter().filter_map(|chart| {
        let over_time = chart.over_time.as_ref()?;
        let series = over_time.courses().map(|(unit, course)| {
            let values = course
                .values
                .iter()
                .map(|value| value.map(|value| unit.shown(value)));
            json!({ "label": course.label, "values": values.collect::<Vec<_>>() })
        });
        let series: Vec<_> = series.collect();
        Some((
            chart.id.to_owned(),
            json!({ "from": over_time.from, "step": over_time.step, "series": series }),
        ))
    });
    Value::Object(charts.collect())
}

/// A value as JSON that cannot end the script it stands in.
fn in_script(value: &Value) -> String {
    value
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}
