//! One thing over another, a dot for each stretch of the run, joined in the order they came.

use super::{HIGH, Ink, LEFT, Scale, TOP, WIDE, begin, below, heights, short};
use crate::numbers::{Unit, clock, escaped, write};

/// A saturation curve: response time over the load.
#[derive(Clone, Debug, PartialEq)]
pub struct Scatter {
    /// The unit to the right.
    pub across: Unit,
    /// What is to the right.
    pub across_label: String,
    /// The unit upwards.
    pub up: Unit,
    /// Seconds since the run began, and both values.
    pub points: Vec<(f64, f64, f64)>,
}

impl Scatter {
    /// The chart; later dots are darker.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds of a run, not below zero"
    )]
    pub fn draw(&self, id: &str, title: &str) -> String {
        let most =
            |value: fn(&(f64, f64, f64)) -> f64| self.points.iter().map(value).fold(0.0, f64::max);
        let (right, top) = (
            Scale::linear(most(|it| it.1)),
            Scale::linear(most(|it| it.2)),
        );
        let told = format!(
            "Up to {} at up to {}",
            self.up.shown(most(|it| it.2)),
            self.across.shown(most(|it| it.1))
        );
        let mut out = String::new();
        begin(&mut out, id, title, &told);
        write(
            &mut out,
            format_args!(
                "<text x=\"{}\" y=\"27\" text-anchor=\"end\" fill=\"#55606e\" class=\"t-muted\">{} →</text>",
                LEFT + WIDE,
                escaped(&self.across_label)
            ),
        );
        heights(&mut out, top, self.up, -1);
        let place = |(_, across, up): &(f64, f64, f64)| {
            (
                LEFT + right.at(*across) * WIDE,
                TOP + (1.0 - top.at(*up)) * HIGH,
            )
        };
        let mut data = String::new();
        for (index, point) in self.points.iter().enumerate() {
            let (x, y) = place(point);
            let command = if index == 0 { 'M' } else { 'L' };
            write(
                &mut data,
                format_args!("{command}{} {}", short(x), short(y)),
            );
        }
        write(
            &mut out,
            format_args!(
                "<path d=\"{data}\" fill=\"none\" stroke=\"{}\" stroke-opacity=\".25\" class=\"s-{}\"/>",
                Ink::MUTED.color,
                Ink::MUTED.name
            ),
        );
        let count = self.points.len().max(1) as f64;
        for (index, point) in self.points.iter().enumerate() {
            let (x, y) = place(point);
            write(
                &mut out,
                format_args!(
                    "<circle cx=\"{}\" cy=\"{}\" r=\"3\" fill=\"{}\" fill-opacity=\"{:.2}\" class=\"f-{}\"><title>{}: {}, {}</title></circle>",
                    short(x),
                    short(y),
                    Ink::P95.color,
                    0.25 + 0.7 * index as f64 / count,
                    Ink::P95.name,
                    clock(point.0 as u64),
                    self.across.shown(point.1),
                    self.up.shown(point.2)
                ),
            );
        }
        below(
            &mut out,
            right
                .ticks()
                .into_iter()
                .map(|tick| (right.at(tick), self.across.shown(tick))),
        );
        out.push_str("</svg>");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_tell_when_and_what() {
        let scatter = Scatter {
            across: Unit::PerSecond,
            across_label: "requests per second".into(),
            up: Unit::Millis,
            points: vec![(0.0, 10.0, 5.0), (10.0, 20.0, 9.0)],
        };
        let svg = scatter.draw("c11", "p95 over the rate");
        assert!(svg.contains("<title>00:10: 20/s, 9 ms</title>"), "{svg}");
        assert!(svg.contains("Up to 9 ms at up to 20/s"));
    }
}
