//! What can be taken away of a run that is kept: its report and the numbers in it, of any stretch.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use katydid_core::snapshot::State as RunState;
use katydid_report::{Look, Report, hgrm};
use katydid_store::StoreError;
use serde::Deserialize;

use crate::api::Refusal;
use crate::guard::SelfContained;
use crate::history::History;
use crate::site::Shared;

const TEXT: &str = "text/plain; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";
const SVG: &str = "image/svg+xml";
const HTML: &str = "text/html; charset=utf-8";

/// Of which stretch, beside which run, and how it is to look.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    from: Option<u64>,
    to: Option<u64>,
    baseline: Option<String>,
    #[serde(default)]
    theme: String,
    /// Whether it is shown instead of kept.
    show: Option<String>,
}

/// Answers with a file of a run.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path((run, file)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let snapshot = shared.snapshot();
    let (now_ms, has_ended) = (snapshot.at_ms, snapshot.run.state == RunState::Stopped);
    let history = Arc::clone(&shared.history);
    let made = tokio::task::spawn_blocking(move || {
        if has_ended {
            // Its last second is on its way to the store, perhaps.
            history.settle();
        }
        make(&history, &run, &file, &wanted, now_ms)
    })
    .await;
    let failed = |_| {
        Refusal::whole(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the store could not be read",
        )
    };
    made.map_err(failed)?
}

fn make(
    history: &History,
    run: &str,
    file: &str,
    wanted: &Wanted,
    now_ms: u64,
) -> Result<Response, Refusal> {
    let report = report_of(history, run, wanted, now_ms)?;
    let (kind, text) = text_of(&report, file, &wanted.theme).ok_or_else(|| {
        let message = format!("a run has no file {file}");
        Refusal::whole(StatusCode::NOT_FOUND, message)
    })?;
    let name = format!(
        "katydid-{}-{}",
        report.run.as_deref().unwrap_or("run"),
        file.replace('/', "-")
    );
    let mut response = ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], text).into_response();
    if wanted.show.is_none()
        && let Ok(disposition) = format!("attachment; filename=\"{name}\"").parse()
    {
        response
            .headers_mut()
            .insert(CONTENT_DISPOSITION, disposition);
    }
    if kind == HTML {
        response.extensions_mut().insert(SelfContained);
    }
    Ok(response)
}

/// The files, by the names they have in addresses.
fn text_of(report: &Report, file: &str, theme: &str) -> Option<(&'static str, String)> {
    let look = Look {
        theme: theme.to_owned(),
        ..Look::default()
    };
    Some(match file {
        "report.html" => (HTML, report.html(&look)),
        "summary.md" => (TEXT, report.markdown()),
        "endpoints.csv" => (CSV, report.requests_csv()),
        "failures.csv" => (CSV, report.failures_csv()),
        "course.csv" => (CSV, report.seconds_csv()),
        "run.json" => ("application/json", format!("{:#}\n", report.json())),
        "thresholds.xml" => ("application/xml", report.junit()),
        "percentiles.hgrm" => (TEXT, hgrm(&report.total.times())),
        file => {
            let (id, kind) = file.strip_prefix("charts/")?.rsplit_once('.')?;
            let chart = report.charts().into_iter().find(|chart| chart.id == id)?;
            match kind {
                "svg" => (SVG, chart.svg),
                "csv" => (CSV, chart.over_time?.csv()),
                _ => return None,
            }
        }
    })
}

fn report_of(
    history: &History,
    run: &str,
    wanted: &Wanted,
    now_ms: u64,
) -> Result<Report, Refusal> {
    let failed = |error: StoreError| crate::history::broken(&error);
    let unknown = || Refusal::whole(StatusCode::NOT_FOUND, "no run of this name is kept");
    let store = history.store()?;
    let id = history.id_of(run).ok_or_else(unknown)?;
    let known = store
        .run(Some(&id), now_ms)
        .map_err(failed)?
        .ok_or_else(unknown)?;
    let nothing = || Refusal::whole(StatusCode::NOT_FOUND, "nothing was counted in this run yet");
    let (first, end) = store.span(&id).map_err(failed)?.ok_or_else(nothing)?;
    let (from, to) = (wanted.from.unwrap_or(first), wanted.to.unwrap_or(end));
    if to <= from {
        let message = "to must be after from, both in seconds of the Unix epoch";
        return Err(Refusal::whole(StatusCode::BAD_REQUEST, message));
    }
    let mut report = Report::of_run(&store, &known, from.max(first), to.min(end).max(from + 1))
        .map_err(failed)?;
    if let Some(baseline) = &wanted.baseline {
        let earlier = store
            .run(Some(baseline), now_ms)
            .map_err(failed)?
            .ok_or_else(unknown)?;
        report
            .compare_with(&store, &known, &earlier)
            .map_err(failed)?;
    }
    Ok(report)
}

/// The report of this process's run, as far as it is kept.
pub(crate) fn of_current(history: &History, now_ms: u64) -> Option<Report> {
    report_of(history, crate::history::CURRENT, &Wanted::default(), now_ms).ok()
}
