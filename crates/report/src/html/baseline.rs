//! How a run compares with an earlier one.

use katydid_core::compare::{Measure, Verdict};

use super::TABLE;
use crate::comparison::{bounds, change, shown, word};
use crate::model::Baseline;
use crate::numbers::{escaped, write};

pub(super) fn section(baseline: &Baseline, out: &mut String) {
    super::section(out, "baseline", "Comparison");
    let (class, sentence) = match baseline.found.verdict {
        Verdict::Worse => ("err", "✖ This run was worse than"),
        Verdict::Better => ("ok", "✔ This run was better than"),
        Verdict::WithinNoise => (
            "ok",
            "✔ As far as can be told, this run was no different from",
        ),
        Verdict::Unknown => (
            "warn",
            "⚠ There are too few requests, or too little time, to compare this run with",
        ),
    };
    write(
        out,
        format_args!(
            "<p class=\"{class}\"><b>{sentence} {}.</b></p>\n",
            escaped(&baseline.run)
        ),
    );
    for warning in &baseline.warnings {
        write(
            out,
            format_args!("<p class=\"warn\">Note: {}</p>\n", escaped(warning)),
        );
    }
    write(
        out,
        format_args!(
            "<div class=\"scroll\"><table {TABLE} class=\"sortable\"><thead><tr><th align=\"left\">Endpoint<th align=\"left\">Number\
             <th align=\"right\">Before<th align=\"right\">Now<th align=\"right\">Change<th align=\"right\">Between<th align=\"left\">So it is</thead><tbody>\n"
        ),
    );
    for row in std::iter::once(&baseline.found.total).chain(&baseline.found.rows) {
        let name = row.name.as_deref().unwrap_or("All");
        let name = format!("{} {name}", row.method);
        for difference in &row.differences {
            let class = match difference.verdict {
                Verdict::Worse => "err",
                Verdict::Better => "ok",
                _ => "muted",
            };
            let measure = match difference.measure {
                Measure::FailRatio => "failed",
                Measure::Rate => "req/s",
                measure => measure.as_str(),
            };
            write(
                out,
                format_args!(
                    "<tr><td class=\"name\">{}<td>{measure}<td align=\"right\">{}<td align=\"right\">{}<td align=\"right\">{}<td align=\"right\">{}<td class=\"{class}\">{}\n",
                    escaped(name.trim()),
                    shown(difference.measure, difference.before),
                    shown(difference.measure, difference.after),
                    change(difference),
                    bounds(difference),
                    word(row, difference),
                ),
            );
        }
    }
    out.push_str("</tbody></table></div>\n</section>\n");
}
