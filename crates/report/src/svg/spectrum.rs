//! Response times by percentile, on an axis that gives each further nine the same room.

use super::{HIGH, Ink, LEFT, Scale, Stroke, TOP, WIDE, begin, below, heights, legend, short};
use crate::numbers::{Unit, write};

/// What a line is called, how it is drawn, and its points.
type Line = (String, Ink, Stroke, Vec<(f64, f64)>);

/// Percentiles of one or more histograms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spectrum {
    /// What each is of, and its points: a part of all requests, and the milliseconds they stayed within.
    pub lines: Vec<Line>,
}

/// Parts that the axis names.
const NAMED: [(f64, &str); 7] = [
    (0.0, "0"),
    (0.5, "50"),
    (0.9, "90"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.999_9, "99.99"),
    (0.999_99, "99.999"),
];

/// Where a part stands: how many tenfoldings of what is left.
fn nines(part: f64) -> f64 {
    -(1.0 - part).max(1e-9).log10()
}

impl Spectrum {
    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.3.is_empty())
    }

    /// The chart.
    pub fn draw(&self, id: &str, title: &str) -> String {
        // The last point is at 100 %, which the axis cannot reach: it is drawn one step beyond the one before.
        let reach = self
            .lines
            .iter()
            .flat_map(|line| &line.3)
            .map(|point| point.0);
        let reach = reach
            .filter(|part| *part < 1.0)
            .map(nines)
            .fold(1.0, f64::max)
            + 0.15;
        let times = || {
            self.lines
                .iter()
                .flat_map(|line| &line.3)
                .map(|point| point.1)
        };
        let (least, most) = (
            times().fold(f64::MAX, f64::min),
            times().fold(0.0, f64::max),
        );
        let is_log = most > least.max(0.01) * 20.0;
        let scale = if is_log {
            Scale::log(least, most)
        } else {
            Scale::linear(most)
        };
        let told = self.lines.iter().filter_map(|(label, _, _, points)| {
            let (_, longest) = points.last()?;
            Some(format!("{label}: up to {}", Unit::Millis.shown(*longest)))
        });
        let mut out = String::new();
        begin(&mut out, id, title, &told.collect::<Vec<_>>().join("; "));
        let entries: Vec<_> = self
            .lines
            .iter()
            .map(|line| (line.0.clone(), line.1, line.2))
            .collect();
        legend(&mut out, &entries);
        heights(&mut out, scale, Unit::Millis, -1);
        for (label, ink, stroke, points) in &self.lines {
            let mut data = String::new();
            for (index, (part, time)) in points.iter().enumerate() {
                let command = if index == 0 { 'M' } else { 'L' };
                let x = LEFT + (nines(*part).min(reach) / reach) * WIDE;
                let y = TOP + (1.0 - scale.at(*time)) * HIGH;
                write(
                    &mut data,
                    format_args!("{command}{} {}", short(x), short(y)),
                );
            }
            write(
                &mut out,
                format_args!(
                    "<path d=\"{data}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"{} class=\"s-{}\"><title>{}</title></path>",
                    ink.color,
                    stroke.dashes(),
                    ink.name,
                    crate::numbers::escaped(label)
                ),
            );
        }
        let named = NAMED.iter().filter(|(part, _)| nines(*part) <= reach);
        below(
            &mut out,
            named.map(|(part, name)| (nines(*part) / reach, format!("{name} %"))),
        );
        out.push_str("</svg>");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_has_the_same_room() {
        assert!((nines(0.99) - 2.0 * nines(0.9)).abs() < 1e-9);
        let points = vec![(0.0, 1.0), (0.9, 2.0), (0.99, 300.0), (1.0, 400.0)];
        let spectrum = Spectrum {
            lines: vec![("all".into(), Ink::P90, Stroke::Solid, points)],
        };
        let svg = spectrum.draw("", "Percentiles");
        assert!(svg.contains(">99 %<") && !svg.contains(">99.9 %<"), "{svg}");
        assert!(svg.contains("all: up to 400 ms"));
        assert!(Spectrum::default().is_empty());
    }
}
