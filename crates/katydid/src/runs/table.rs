//! Tables of text, and numbers as people read them.

use std::fmt::Write;
use std::time::Duration;

use katydid_core::window::Count;

/// A table whose first columns are texts, to the left, and whose others are numbers, to the right.
pub(super) struct Table {
    texts: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<const N: usize>(texts: usize, heads: [&str; N]) -> Self {
        Self {
            texts,
            rows: vec![heads.map(str::to_owned).into()],
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// As columns with spaces between them.
    pub(super) fn plain(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let cells = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, &width))| {
                    if column < self.texts {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                });
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(out, "{}", line.trim_end()).expect("a string takes everything");
        }
        out
    }

    /// As Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut out = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            writeln!(out, "| {} |", cells.join(" | ")).expect("a string takes everything");
            if index == 0 {
                let rule = (0..row.len()).map(|it| if it < self.texts { "---" } else { "---:" });
                let rule = rule.collect::<Vec<_>>().join(" | ");
                writeln!(out, "| {rule} |").expect("a string takes everything");
            }
        }
        out
    }
}

/// What is said where there is no number.
const NONE: &str = "-";

/// A time in milliseconds.
pub(super) fn millis(time: Option<f64>) -> String {
    match time {
        None => NONE.to_owned(),
        Some(time) if time >= 1000.0 => format!("{:.2} s", time / 1000.0),
        Some(time) if time >= 100.0 => format!("{time:.0} ms"),
        Some(time) if time >= 10.0 => format!("{time:.1} ms"),
        Some(time) => format!("{time:.2} ms"),
    }
}

/// A part of one.
pub(super) fn percent(part: Option<f64>) -> String {
    part.map_or_else(|| NONE.to_owned(), |part| format!("{:.2} %", part * 100.0))
}

/// A number of bytes.
pub(super) fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["B", "KB", "MB", "GB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while size >= 1000.0 {
        let Some(next) = units.next() else {
            break;
        };
        size /= 1000.0;
        unit = next;
    }
    if size >= 10.0 || size.fract() == 0.0 {
        format!("{size:.0} {unit}")
    } else {
        format!("{size:.1} {unit}")
    }
}

/// How many in a second.
pub(super) fn rate(count: u64, length: Duration) -> String {
    format!("{:.1}", count as f64 / length.as_secs_f64())
}

/// Seconds as 1h02m03s.
pub(super) fn span(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest:02}s"),
        _ => format!("{hours}h{minutes:02}m{rest:02}s"),
    }
}

/// The part of the requests that failed.
pub(super) fn failed(count: &Count) -> Option<f64> {
    (count.requests > 0).then(|| count.failures as f64 / count.requests as f64)
}

/// The milliseconds that a part of the requests stayed within.
pub(super) fn quantile(count: &Count, part: f64) -> Option<f64> {
    let times = count.times();
    // A bin reaches beyond the longest time in it; a percentile must not.
    let longest = times.max()?;
    Some(times.value_at_quantile(part).min(longest).as_millis_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut table = Table::new(1, ["Name", "Requests"]);
        table.row(vec!["/a|b".into(), "5".into()]);
        assert_eq!(table.plain(), "Name  Requests\n/a|b         5\n");
        assert_eq!(
            table.markdown(),
            "| Name | Requests |\n| --- | ---: |\n| /a\\|b | 5 |\n"
        );
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.1234, 12.345, 123.45, 1234.5].map(|time| millis(Some(time)));
        assert_eq!(shown, ["0.12 ms", "12.3 ms", "123 ms", "1.23 s"]);
        assert_eq!([5, 65, 3723].map(span), ["5s", "1m05s", "1h02m03s"]);
        assert_eq!(
            (percent(Some(0.1234)), percent(None)),
            ("12.34 %".into(), "-".into())
        );
    }
}
