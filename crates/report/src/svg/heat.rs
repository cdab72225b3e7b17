//! How many requests took how long in each step of a run: the darker, the more.

use std::collections::BTreeMap;

use katydid_core::heat;

use super::{HIGH, Ink, LEFT, TOP, WIDE, begin, below, legend, moments, short};
use crate::numbers::{count, millis, write};

/// Shades that are told apart.
const LEVELS: usize = 7;

/// A heat map of response times over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Seconds since the run began, of the first column.
    pub from: f64,
    /// Seconds between columns.
    pub step: f64,
    /// In each, the bars (see [`heat::bar`]) in which there are requests, and how many.
    pub columns: Vec<Vec<(i32, u64)>>,
}

impl Heat {
    /// Whether there is no request in it.
    pub fn is_empty(&self) -> bool {
        self.columns.iter().all(Vec::is_empty)
    }

    /// The chart.
    #[expect(clippy::cast_possible_truncation, reason = "bars are few")]
    pub fn draw(&self, id: &str, title: &str) -> String {
        let cells = || self.columns.iter().flatten();
        let lowest = cells().map(|cell| cell.0).min().unwrap_or(0);
        let highest = cells().map(|cell| cell.0).max().unwrap_or(1);
        let most = cells().map(|cell| cell.1).max().unwrap_or(1);
        // Few rows would be tall bricks.
        let rows = (highest - lowest + 1).max(12);
        let bottom = lowest - (rows - (highest - lowest + 1)) / 2;
        let told = format!(
            "Requests took {} to {}; at most {} are in one cell",
            millis(Some(heat::upper_ms(lowest))),
            millis(Some(heat::upper_ms(highest))),
            count(most)
        );
        let mut out = String::new();
        begin(&mut out, id, title, &told);
        let entry = format!("requests per cell, up to {}", count(most));
        legend(&mut out, &[(entry, Ink::P90, super::Stroke::Area)]);
        let every = (f64::from(rows) / 5.0).ceil() as i32;
        for row in (0..=rows).step_by(usize::try_from(every).unwrap_or(1)) {
            let y = TOP + (1.0 - f64::from(row) / f64::from(rows)) * HIGH;
            // The upper end of the bar below the line.
            let time = millis(Some(heat::upper_ms(bottom + row - 1)));
            write(
                &mut out,
                format_args!(
                    "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#55606e\" class=\"t-muted\">{time}</text>",
                    short(LEFT - 5.0),
                    short(y + 4.0)
                ),
            );
        }
        let wide = self.columns.len().max(1);
        // Whole numbers: a cell is one unit wide and high.
        write(
            &mut out,
            format_args!(
                "<svg class=\"plot\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{WIDE}\" height=\"{HIGH}\" \
                 viewBox=\"0 0 {wide} {rows}\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\">"
            ),
        );
        for (level, data) in self.levels(bottom, rows, most) {
            let opacity = (level as f64 + 1.5) / (LEVELS as f64 + 0.5);
            write(
                &mut out,
                format_args!(
                    "<path d=\"{data}\" fill=\"{}\" fill-opacity=\"{opacity:.2}\" class=\"f-{}\"/>",
                    Ink::P90.color,
                    Ink::P90.name
                ),
            );
        }
        out.push_str("</svg>");
        below(
            &mut out,
            moments(self.from, self.from + self.step * wide as f64),
        );
        out.push_str("</svg>");
        out
    }

    /// The cells of each shade as one path; neighbours of the same shade are one rectangle.
    fn levels(&self, bottom: i32, rows: i32, most: u64) -> BTreeMap<usize, String> {
        let mut paths = BTreeMap::<usize, String>::new();
        for row in 0..rows {
            let y = rows - 1 - row;
            let level = |column: &Vec<(i32, u64)>| {
                let cell = column
                    .binary_search_by_key(&(bottom + row), |cell| cell.0)
                    .ok()?;
                Some(shade(column[cell].1, most))
            };
            let mut at = 0;
            while at < self.columns.len() {
                let Some(found) = level(&self.columns[at]) else {
                    at += 1;
                    continue;
                };
                let same = self.columns[at..]
                    .iter()
                    .take_while(|column| level(column) == Some(found));
                let wide = same.count();
                write(
                    paths.entry(found).or_default(),
                    format_args!("M{at} {y}h{wide}v1h-{wide}z"),
                );
                at += wide;
            }
        }
        paths
    }
}

/// The shade of so many requests: a logarithmic scale, as one slow request must be seen beside thousands.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below the number of shades"
)]
fn shade(count: u64, most: u64) -> usize {
    let part = (count as f64).ln_1p() / (most as f64).ln_1p();
    ((part * LEVELS as f64) as usize).min(LEVELS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_a_shade_are_one_rectangle() {
        let columns = vec![vec![(3, 5)], vec![(3, 5), (4, 1)], vec![], vec![(3, 5)]];
        let heat = Heat {
            from: 0.0,
            step: 1.0,
            columns,
        };
        let paths: Vec<_> = heat.levels(3, 2, 5).into_values().collect();
        assert_eq!(paths, ["M1 0h1v1h-1z", "M0 1h2v1h-2zM3 1h1v1h-1z"]);
        assert!(heat.draw("", "Heat").contains("viewBox=\"0 0 4 12\""));
    }

    #[test]
    fn one_request_is_seen_beside_thousands() {
        assert_eq!(shade(1, 1), LEVELS - 1);
        assert_eq!(shade(10_000, 10_000), LEVELS - 1);
        assert!(shade(1, 10_000) < shade(100, 10_000));
    }
}
