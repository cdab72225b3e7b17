//! Charts as SVG that needs no style sheet and no script: presentation attributes only, with classes by
//! which a page around it can give them the colours of a dark theme.

use crate::numbers::{Unit, clock, escaped, write};

mod bars;
mod heat;
mod scatter;
mod spectrum;
mod time;

pub use bars::Bars;
pub use heat::Heat;
pub use scatter::Scatter;
pub use spectrum::Spectrum;
pub use time::TimeChart;
pub(crate) use time::{Course, Marked, Shade};

/// The size of a chart, in the units of its view box.
pub(crate) const WIDTH: f64 = 560.0;
pub(crate) const HEIGHT: f64 = 236.0;
/// Room around the plot for the axes' numbers and the legend.
pub(crate) const LEFT: f64 = 56.0;
pub(crate) const RIGHT: f64 = 44.0;
pub(crate) const TOP: f64 = 34.0;
pub(crate) const BOTTOM: f64 = 22.0;
/// The plot itself.
pub(crate) const WIDE: f64 = WIDTH - LEFT - RIGHT;
pub(crate) const HIGH: f64 = HEIGHT - TOP - BOTTOM;

/// What something is drawn in: a name, which is also its class, and its colour on white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// The class.
    pub name: &'static str,
    /// The colour.
    pub color: &'static str,
}

macro_rules! inks {
    ($($(#[$doc:meta])* $id:ident = $name:literal $color:literal;)*) => {
        impl Ink {
            $($(#[$doc])* pub const $id: Self = Self { name: $name, color: $color };)*
        }
    };
}

// The page's colours, each at least 3:1 on white.
inks! {
    /// Requests that succeeded.
    OK = "ok" "#0f7a4a";
    /// Requests that failed.
    FAILED = "err" "#c1272d";
    /// Users.
    USERS = "users" "#6b7280";
    /// The median.
    P50 = "p50" "#0e8a8a";
    /// The 90th percentile.
    P90 = "p90" "#3b5bdb";
    /// The 95th percentile.
    P95 = "p95" "#8b3fd1";
    /// The 99th percentile.
    P99 = "p99" "#c2255c";
    /// What is compared with, limits, and the longest.
    MUTED = "muted" "#55606e";
    /// A warning.
    WARN = "warn" "#8a5a00";
}

/// Inks for series that have none of their own.
pub(crate) const SERIES: [Ink; 8] = [
    Ink::P90,
    Ink::P99,
    Ink::P50,
    Ink::P95,
    Ink::WARN,
    Ink::OK,
    Ink::FAILED,
    Ink::MUTED,
];

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Scale {
    /// From zero to a number that reads well and is at least `most`.
    pub(crate) fn linear(most: f64) -> Self {
        let step = nice(most / 4.0);
        let high = if most > 0.0 {
            (most / step).ceil() * step
        } else {
            1.0
        };
        Self {
            low: 0.0,
            high,
            is_log: false,
        }
    }

    /// Whole decades around the values.
    pub(crate) fn log(least: f64, most: f64) -> Self {
        let low = least.max(1e-3).log10().floor();
        let high = most.max(1e-3).log10().ceil().max(low + 1.0);
        Self {
            low: 10_f64.powf(low),
            high: 10_f64.powf(high),
            is_log: true,
        }
    }

    /// Where between 0 and 1 a value is.
    pub(crate) fn at(self, value: f64) -> f64 {
        let part = if self.is_log {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        part.clamp(0.0, 1.0)
    }

    /// Values to be marked.
    pub(crate) fn ticks(self) -> Vec<f64> {
        if self.is_log {
            let decades = (self.high / self.low).log10().round().max(1.0);
            let every = (decades / 5.0).ceil();
            let mut ticks = Vec::new();
            let mut exponent = self.low.log10().round();
            while exponent <= self.high.log10() + 0.01 {
                ticks.push(10_f64.powf(exponent));
                exponent += every;
            }
            return ticks;
        }
        let step = nice(self.high / 4.0);
        let mut ticks = vec![self.low];
        let mut tick = step;
        while tick <= self.high * 1.001 {
            ticks.push(tick);
            tick += step;
        }
        ticks
    }
}

/// The next number that reads well: 1, 2 or 5 with zeros.
pub(crate) fn nice(number: f64) -> f64 {
    if number <= 0.0 || !number.is_finite() {
        return 1.0;
    }
    let unit = 10_f64.powf(number.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0].map(|step| step * unit);
    steps
        .into_iter()
        .find(|step| *step >= number * 0.999)
        .unwrap_or(10.0 * unit)
}

/// A coordinate with one decimal at most.
pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Begins a chart: who cannot see it is told its title and what it shows.
pub(crate) fn begin(out: &mut String, id: &str, title: &str, told: &str) {
    write(
        out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\" aria-label=\"{}\" font-family=\"system-ui, sans-serif\" \
             font-size=\"11\" fill=\"#14181f\" class=\"chart\"{}>\
             <text x=\"0\" y=\"12\" font-size=\"13\" font-weight=\"600\">{}</text>",
            escaped(&format!("{title}. {told}")),
            if id.is_empty() {
                String::new()
            } else {
                format!(" id=\"{id}\"")
            },
            escaped(title),
        ),
    );
}

/// Explains the lines and areas, to the right above the plot.
pub(crate) fn legend(out: &mut String, entries: &[(String, Ink, Stroke)]) {
    /// About the width of a letter.
    const LETTER: f64 = 5.9;
    let width = |label: &str| label.chars().count() as f64 * LETTER + 24.0;
    let mut x = LEFT;
    for (label, ink, stroke) in entries {
        if x + width(label) > WIDTH {
            break;
        }
        let line = match stroke {
            Stroke::Area => format!(
                "<rect x=\"{}\" y=\"19\" width=\"12\" height=\"8\" fill=\"{}\" class=\"f-{}\"/>",
                short(x),
                ink.color,
                ink.name
            ),
            stroke => format!(
                "<path d=\"M{} 23h14\" stroke=\"{}\" stroke-width=\"2\"{} class=\"s-{}\"/>",
                short(x),
                ink.color,
                stroke.dashes(),
                ink.name
            ),
        };
        write(
            out,
            format_args!(
                "{line}<text x=\"{}\" y=\"27\" class=\"t-muted\" fill=\"#55606e\">{}</text>",
                short(x + 17.0),
                escaped(label)
            ),
        );
        x += width(label) + 6.0;
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// Without gaps.
    Solid,
    /// In dashes.
    Dashed,
    /// In dots.
    Dotted,
    /// Not a line.
    Area,
}

impl Stroke {
    pub(crate) const fn dashes(self) -> &'static str {
        match self {
            Self::Solid | Self::Area => "",
            Self::Dashed => " stroke-dasharray=\"6 3\"",
            Self::Dotted => " stroke-dasharray=\"1.5 3\"",
        }
    }
}

/// Draws the lines and numbers of a vertical axis; `side` is -1 for the left and 1 for the right.
pub(crate) fn heights(out: &mut String, scale: Scale, unit: Unit, side: i8) {
    for tick in scale.ticks() {
        let y = TOP + (1.0 - scale.at(tick)) * HIGH;
        if side < 0 {
            write(
                out,
                format_args!(
                    "<path d=\"M{LEFT} {}h{WIDE}\" stroke=\"#55606e\" stroke-opacity=\".2\" class=\"s-muted\"/>",
                    short(y)
                ),
            );
        }
        let (x, anchor) = if side < 0 {
            (LEFT - 5.0, "end")
        } else {
            (LEFT + WIDE + 5.0, "start")
        };
        write(
            out,
            format_args!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\" fill=\"#55606e\" class=\"t-muted\">{}</text>",
                short(x),
                short(y + 4.0),
                escaped(&unit.shown(tick))
            ),
        );
    }
}

/// Draws numbers below the plot, each at a part of its width.
pub(crate) fn below(out: &mut String, ticks: impl IntoIterator<Item = (f64, String)>) {
    out.push_str("<g class=\"below t-muted\" text-anchor=\"middle\" fill=\"#55606e\">");
    for (part, label) in ticks {
        write(
            out,
            format_args!(
                "<text x=\"{}\" y=\"{}\">{}</text>",
                short(LEFT + part * WIDE),
                short(HEIGHT - 6.0),
                escaped(&label)
            ),
        );
    }
    out.push_str("</g>");
}

/// Seconds between two numbers of an axis of so many seconds.
pub(crate) fn time_step(seconds: f64) -> f64 {
    const STEPS: [f64; 16] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0,
        7_200.0, 14_400.0, 21_600.0,
    ];
    let wanted = seconds / 7.0;
    STEPS
        .into_iter()
        .find(|step| *step >= wanted)
        .unwrap_or(86_400.0)
}

/// Moments to be marked on an axis of times, and what stands there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of a run, not below zero"
)]
pub(crate) fn moments(from: f64, to: f64) -> Vec<(f64, String)> {
    let length = (to - from).max(1.0);
    let step = time_step(length);
    let mut ticks = Vec::new();
    let mut at = (from / step).ceil() * step;
    while at <= to {
        ticks.push(((at - from) / length, clock(at as u64)));
        at += step;
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_number_that_reads_well() {
        for (most, ticks) in [
            (0.0, vec![0.0, 0.25, 0.5, 0.75, 1.0]),
            (3.0, vec![0.0, 1.0, 2.0, 3.0]),
            (70.0, vec![0.0, 20.0, 40.0, 60.0, 80.0]),
            (120.0, vec![0.0, 50.0, 100.0, 150.0]),
        ] {
            assert_eq!(Scale::linear(most).ticks(), ticks, "{most}");
        }
        assert_eq!(Scale::log(3.0, 250.0).ticks(), [1.0, 10.0, 100.0, 1000.0]);
        assert!((Scale::log(1.0, 100.0).at(10.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn an_axis_of_times_has_few_numbers() {
        let ticks = moments(0.0, 30.0);
        assert_eq!(ticks.len(), 7);
        assert_eq!(ticks[1], (1.0 / 6.0, "00:05".to_owned()));
        assert!(moments(0.0, 21_600.0).len() <= 8);
    }
}
