//! The report of a run: one page that stands by itself, with its numbers, charts and styles in it.
//!
//! It also carries the numbers as Locust's report does, for those who read them with a program.

use std::fmt::Write;

use katydid_core::series::Point;
use katydid_core::snapshot::Snapshot;
use katydid_core::units::{Micros, Nanos};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::about::About;
use crate::document::{entries, errors, exceptions};
use crate::page::escaped;
use crate::{chart, csv, flask};

/// Parts of the requests whose response times are listed.
const PARTS: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];

const STYLE: &str = "\
    :root{color-scheme:light dark}:root[data-theme=light]{color-scheme:light}\
    :root[data-theme=dark]{color-scheme:dark}\
    body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;\
    background:Canvas;color:CanvasText}\
    table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
    th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid \
    color-mix(in srgb,currentcolor 20%,transparent)}\
    .text{text-align:left;overflow-wrap:break-word}tr:last-child.total{font-weight:600}\
    pre{white-space:pre-wrap;margin:0}.scroll{overflow-x:auto}\
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dd{margin:0}\
    figure{margin:1rem 0}svg{width:100%;height:auto}.key{margin-right:1rem}";

/// What a report tells besides what was counted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Telling {
    /// `light`, `dark`, or what the reader prefers.
    pub theme: String,
    /// Whether it has a link to keep it as a file.
    pub show_download_link: bool,
    /// Shares of the tasks, as Locust's `/tasks` has them.
    pub tasks: Value,
    /// Locust's points for charts.
    pub history: Value,
    /// A name for the run.
    pub profile: Option<String>,
}

/// The report of what has happened so far, as HTML.
pub fn report(snapshot: &Snapshot, about: &About, telling: &Telling) -> String {
    let theme = match telling.theme.as_str() {
        theme @ ("light" | "dark") => theme,
        _ => "",
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\" data-theme=\"{theme}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Test report of {}</title>\n<style>{STYLE}</style>\n<h1>Test report</h1>\n",
        escaped(&about.locustfile),
    );
    facts(snapshot, about, telling, &mut out);
    requests(snapshot, about, &mut out);
    response_times(snapshot, &mut out);
    failures(snapshot, &mut out);
    raised(snapshot, &mut out);
    charts(snapshot, &mut out);
    ratios(telling, &mut out);
    let data = in_script(&data(snapshot, about, telling));
    write(
        &mut out,
        format_args!(
            "<script>window.templateArgs = {data}; window.theme = \"{theme}\"</script>\n</html>\n"
        ),
    );
    out
}

/// The numbers, in Locust's words.
fn data(snapshot: &Snapshot, about: &About, telling: &Telling) -> Value {
    let (start, end) = bounds(snapshot);
    let times = csv::by_name(snapshot).into_iter().map(|(name, view)| {
        let mut row = json!({ "name": &*name.name, "method": &*name.method });
        for part in PARTS {
            row[flask::float(part)] = json!(view.percentile(part));
        }
        row
    });
    json!({
        "is_report": true,
        "requests_statistics": entries(snapshot, about, usize::MAX),
        "failures_statistics": errors(snapshot, usize::MAX),
        "exceptions_statistics": exceptions(snapshot)["exceptions"],
        "response_time_statistics": times.collect::<Vec<_>>(),
        "start_time": csv::utc(start),
        "end_time": csv::utc(end),
        "duration": duration(end.as_secs().saturating_sub(start.as_secs())),
        "host": host(snapshot, about).unwrap_or("None"),
        "history": telling.history,
        "show_download_link": telling.show_download_link,
        "locustfile": about.locustfile,
        "tasks": telling.tasks,
        "percentiles_to_chart": about.percentiles_to_chart,
        "profile": telling.profile,
    })
}

fn facts(snapshot: &Snapshot, about: &About, telling: &Telling, out: &mut String) {
    let (start, end) = bounds(snapshot);
    out.push_str("<dl>");
    for (term, fact) in [
        ("Script", about.locustfile.clone()),
        ("Profile", telling.profile.clone().unwrap_or_default()),
        (
            "Target host",
            host(snapshot, about).unwrap_or("").to_owned(),
        ),
        ("Start", csv::utc(start)),
        ("End", csv::utc(end)),
        (
            "Duration",
            duration(end.as_secs().saturating_sub(start.as_secs())),
        ),
    ] {
        if !fact.is_empty() {
            let fact = escaped(&fact);
            write(out, format_args!("<dt>{term}<dd>{fact}"));
        }
    }
    out.push_str("</dl>\n");
    if telling.show_download_link {
        out.push_str("<p><a href=\"?download=1\">Keep this report as a file</a></p>\n");
    }
}

fn requests(snapshot: &Snapshot, about: &About, out: &mut String) {
    let columns = [
        ("Method", "method"),
        ("Name", "name"),
        ("# Requests", "num_requests"),
        ("# Fails", "num_failures"),
        ("Average (ms)", "avg_response_time"),
        ("Min (ms)", "min_response_time"),
        ("Max (ms)", "max_response_time"),
        ("Average size (bytes)", "avg_content_length"),
        ("RPS", "total_rps"),
        ("Failures/s", "total_fail_per_sec"),
    ];
    let rows = entries(snapshot, about, usize::MAX);
    let rows = rows.iter().map(|row| {
        let cells = columns.iter().map(|(_, key)| match &row[*key] {
            Value::String(text) => text.clone(),
            number => rounded(number.as_f64().unwrap_or_default()),
        });
        cells.collect()
    });
    let titles = columns.map(|(title, _)| title.to_owned());
    table("Request Statistics", &titles, 2, rows.collect(), out);
}

fn response_times(snapshot: &Snapshot, out: &mut String) {
    let mut titles = vec!["Method".to_owned(), "Name".to_owned()];
    titles.extend(PARTS.map(|part| format!("{}%ile (ms)", rounded(part * 100.0))));
    let total = snapshot.stats.view(snapshot.stats.total());
    let named = csv::by_name(snapshot).into_iter();
    let named = named.map(|(name, view)| (name.method.to_string(), name.name.to_string(), view));
    let all = named.chain([(String::new(), "Aggregated".to_owned(), total)]);
    let rows = all.map(|(method, name, view)| {
        let times = PARTS.iter().map(|&part| view.percentile(part).to_string());
        [method, name].into_iter().chain(times).collect()
    });
    table("Response Time Statistics", &titles, 2, rows.collect(), out);
}

fn failures(snapshot: &Snapshot, out: &mut String) {
    let rows: Vec<Vec<String>> = errors(snapshot, usize::MAX)
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            vec![
                text("method"),
                text("name"),
                text("error"),
                row["occurrences"].to_string(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let titles = ["Method", "Name", "Error", "Occurrences"].map(str::to_owned);
        table("Failures Statistics", &titles, 3, rows, out);
    }
}

fn raised(snapshot: &Snapshot, out: &mut String) {
    if snapshot.exceptions.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Exceptions Statistics</h2>\n<div class=\"scroll\"><table><tr>\
         <th>Count<th class=\"text\">Message<th class=\"text\">Traceback<th class=\"text\">Nodes\n",
    );
    for exception in snapshot.exceptions.iter() {
        write(
            out,
            format_args!(
                "<tr><td>{}<td class=\"text\">{}<td class=\"text\"><pre>{}</pre><td class=\"text\">{}\n",
                exception.count,
                escaped(&exception.msg),
                escaped(&exception.traceback),
                escaped(&csv::list(&exception.nodes)),
            ),
        );
    }
    out.push_str("</table></div>\n");
}

fn charts(snapshot: &Snapshot, out: &mut String) {
    let points: Vec<Point> = snapshot.series.iter().copied().collect();
    if points.len() < 2 {
        return;
    }
    let step = snapshot.series.step() as f64;
    let time = |time: Option<Micros>| time.map(Micros::as_millis_f64);
    out.push_str("<h2>Charts</h2>\n");
    for (title, unit, lines) in [
        (
            "Total Requests per Second",
            "/s",
            vec![
                chart::line("RPS", &points, |point| {
                    Some((point.ok + point.failed) as f64 / step)
                }),
                chart::line("Failures/s", &points, |point| {
                    Some(point.failed as f64 / step)
                }),
            ],
        ),
        (
            "Response Times",
            " ms",
            vec![
                chart::line("50th percentile", &points, |point| time(point.p50)),
                chart::line("95th percentile", &points, |point| time(point.p95)),
            ],
        ),
        (
            "Number of Users",
            "",
            vec![chart::line("Users", &points, |point| {
                Some(f64::from(point.users))
            })],
        ),
    ] {
        chart::draw(title, unit, &points, &lines, out);
    }
}

fn ratios(telling: &Telling, out: &mut String) {
    for (title, key) in [("Ratio per Class", "per_class"), ("Total Ratio", "total")] {
        if let Value::Object(shares) = &telling.tasks[key]
            && !shares.is_empty()
        {
            write(out, format_args!("<h2>{title}</h2>\n"));
            shares_of(shares, out);
        }
    }
}

fn shares_of(shares: &Map<String, Value>, out: &mut String) {
    out.push_str("<ul>");
    for (name, share) in shares {
        let percent = share["ratio"].as_f64().unwrap_or_default() * 100.0;
        write(out, format_args!("<li>{percent:.1}% {}", escaped(name)));
        if let Value::Object(inner) = &share["tasks"] {
            shares_of(inner, out);
        }
    }
    out.push_str("</ul>\n");
}

/// A table whose last row is a total if it says so, and whose first columns are texts.
fn table(title: &str, titles: &[String], texts: usize, rows: Vec<Vec<String>>, out: &mut String) {
    let class = |column: usize| {
        if column < texts {
            " class=\"text\""
        } else {
            ""
        }
    };
    write(
        out,
        format_args!("<h2>{title}</h2>\n<div class=\"scroll\"><table><tr>"),
    );
    for (column, title) in titles.iter().enumerate() {
        write(out, format_args!("<th{}>{title}", class(column)));
    }
    for row in rows {
        let is_total = row.get(1).is_some_and(|name| name == "Aggregated");
        out.push_str(if is_total {
            "\n<tr class=\"total\">"
        } else {
            "\n<tr>"
        });
        for (column, cell) in row.iter().enumerate() {
            write(out, format_args!("<td{}>{}", class(column), escaped(cell)));
        }
    }
    out.push_str("\n</table></div>\n");
}

/// When the run began and when it ended, or where it is now.
fn bounds(snapshot: &Snapshot) -> (Nanos, Nanos) {
    let started = snapshot.run.started_ms.unwrap_or(snapshot.at_ms);
    let ended = snapshot.run.ended_ms.unwrap_or(snapshot.at_ms);
    (Nanos::from_millis(started), Nanos::from_millis(ended))
}

fn host<'a>(snapshot: &'a Snapshot, about: &'a About) -> Option<&'a str> {
    snapshot.run.host.as_deref().or(about.host.as_deref())
}

/// Seconds in words.
fn duration(seconds: u64) -> String {
    let units = [
        (seconds / 86_400, "day"),
        (seconds / 3_600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let mut words: Vec<String> = units
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    match words.pop() {
        None => "0 seconds".to_owned(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

/// At most two decimals, and none for a whole number.
fn rounded(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A value as JSON that cannot end the script it stands in.
fn in_script(value: &Value) -> String {
    flask::text(value)
        .trim_end()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

/// Writes to a string, which takes everything.
pub(crate) fn write(out: &mut String, text: std::fmt::Arguments) {
    out.write_fmt(text).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_words() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (3605, "1 hour and 5 seconds"),
            (176_461, "2 days, 1 hour, 1 minute and 1 second"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn a_text_cannot_end_the_script() {
        let text = in_script(&json!({ "name": "</script><b>" }));
        assert!(!text.contains('<'), "{text}");
        assert_eq!(
            serde_json::from_str::<Value>(&text).expect("JSON")["name"],
            "</script><b>"
        );
    }
}
