//! The report of this process's run, with the numbers as Locust's report carries them, for those who read
//! them with a program.

use katydid_core::calendar::utc;
use katydid_core::redact;
use katydid_core::snapshot::Snapshot;
use katydid_core::units::Nanos;
use katydid_report::{Look, Report};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::about::About;
use crate::document::{entries, errors, exceptions};
use crate::history::History;
use crate::{csv, files, flask};

/// Parts of the requests whose response times are listed.
const PARTS: [f64; 8] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];

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

/// The report of what has happened so far, as HTML: of the run as it is kept, or else of its last picture.
pub fn report(snapshot: &Snapshot, about: &About, telling: &Telling, history: &History) -> String {
    let kept = files::of_current(history, snapshot.at_ms);
    let mut report = kept.unwrap_or_else(|| Report::of_snapshot(snapshot, described(about)));
    if report.about["host"].is_null() {
        report.about["host"] = json!(host(snapshot, about).map(redact::url));
    }
    report.about["profile"] = json!(telling.profile);
    report.ratios = ratios(&telling.tasks);
    let data = in_script(&data(snapshot, about, telling));
    let theme = match telling.theme.as_str() {
        theme @ ("light" | "dark") => theme,
        _ => "",
    };
    report.html(&Look {
        theme: theme.to_owned(),
        download: telling.show_download_link.then(|| "?download=1".to_owned()),
        // Programs read these numbers from the reports of Locust.
        appendix: format!(
            "<script>window.templateArgs = {data}; window.theme = \"{theme}\"</script>\n"
        ),
    })
}

/// What is known of a script whose runs are not kept.
fn described(about: &About) -> Value {
    json!({
        "name": about.locustfile,
        "version": about.version,
        "shape": about.shape,
        "user_classes": about.user_classes.iter().map(|class| &class.name).collect::<Vec<_>>(),
    })
}

/// The shares of tasks, each with how deep it lies in others.
fn ratios(tasks: &Value) -> Vec<(usize, String, f64)> {
    fn add(shares: &Value, depth: usize, out: &mut Vec<(usize, String, f64)>) {
        for (name, share) in shares.as_object().into_iter().flatten() {
            out.push((
                depth,
                name.clone(),
                share["ratio"].as_f64().unwrap_or_default(),
            ));
            add(&share["tasks"], depth + 1, out);
        }
    }
    let mut out = Vec::new();
    add(&tasks["total"], 0, &mut out);
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
        "start_time": utc(start),
        "end_time": utc(end),
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

/// A value as JSON that cannot end the script it stands in.
fn in_script(value: &Value) -> String {
    flask::text(value)
        .trim_end()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
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
