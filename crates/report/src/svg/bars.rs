//! How many requests took how long: bars that grow wider with the time.

use super::{HIGH, Ink, LEFT, Scale, Stroke, TOP, WIDE, begin, below, heights, legend, short};
use crate::numbers::{Unit, millis, percent, write};

/// A histogram of response times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bars {
    /// Upper ends in milliseconds, ascending, with how many succeeded and how many failed.
    pub bars: Vec<(f64, u64, u64)>,
}

impl Bars {
    /// The chart; heights are parts of all requests.
    pub fn draw(&self, id: &str, title: &str) -> String {
        let all: u64 = self.bars.iter().map(|bar| bar.1 + bar.2).sum();
        let part = |count: u64| count as f64 / all.max(1) as f64;
        let most = self.bars.iter().max_by_key(|bar| bar.1 + bar.2);
        let told = most.map_or_else(String::new, |bar| {
            let share = percent(Some(part(bar.1 + bar.2)));
            format!("Most common: up to {}, {share} of all", millis(Some(bar.0)))
        });
        let scale = Scale::linear(most.map_or(0.0, |bar| part(bar.1 + bar.2)));
        let mut out = String::new();
        begin(&mut out, id, title, &told);
        let entries = [("OK", Ink::OK), ("failed", Ink::FAILED)];
        legend(
            &mut out,
            &entries.map(|(label, ink)| (label.to_owned(), ink, Stroke::Area)),
        );
        heights(&mut out, scale, Unit::Part, -1);
        let wide = WIDE / self.bars.len().max(1) as f64;
        for (index, (upper, ok, failed)) in self.bars.iter().enumerate() {
            let x = LEFT + index as f64 * wide;
            let mut floor = TOP + HIGH;
            for (count, ink) in [(*ok, Ink::OK), (*failed, Ink::FAILED)] {
                let high = scale.at(part(count)) * HIGH;
                if count == 0 {
                    continue;
                }
                // One request among thousands is seen, too.
                let high = high.max(0.7);
                floor -= high;
                write(
                    &mut out,
                    format_args!(
                        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" class=\"f-{}\">\
                         <title>up to {}: {count}</title></rect>",
                        short(x + 0.5),
                        short(floor),
                        short((wide - 1.0).max(0.8)),
                        short(high),
                        ink.color,
                        ink.name,
                        millis(Some(*upper))
                    ),
                );
            }
        }
        let every = self.bars.len().div_ceil(8).max(1);
        let named = self
            .bars
            .iter()
            .enumerate()
            .filter(|(index, _)| index % every == every / 2);
        below(
            &mut out,
            named.map(|(index, bar)| {
                (
                    (index as f64 + 1.0) / self.bars.len() as f64,
                    millis(Some(bar.0)),
                )
            }),
        );
        out.push_str("</svg>");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_parts_of_all_requests() {
        let bars = Bars {
            bars: vec![(1.0, 3, 0), (2.0, 0, 1)],
        };
        let svg = bars.draw("", "Times");
        assert!(
            svg.contains("Most common: up to 1 ms, 75.0 % of all"),
            "{svg}"
        );
        assert!(svg.contains("<title>up to 2 ms: 1</title>"));
        assert!(!Bars::default().draw("", "Times").contains("NaN"));
    }
}
