//! What happened over the time of a run: stacked areas, lines with gaps, and a second axis.

use super::{
    HIGH, Ink, LEFT, Scale, Stroke, TOP, WIDE, begin, below, heights, legend, moments, short,
};
use crate::numbers::{Unit, escaped, seconds, write};

/// The values of one thing over time, none where there is nothing to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// What it is.
    pub label: String,
    /// What it is drawn in.
    pub ink: Ink,
    /// How.
    pub stroke: Stroke,
    /// One for each step.
    pub values: Vec<Option<f64>>,
}

/// Something that happened at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Marked {
    /// Seconds since the run began.
    pub at: f64,
    /// What.
    pub text: String,
    /// Whether it is trouble.
    pub is_trouble: bool,
}

/// A stretch in which something was the case.
#[derive(Clone, Debug, PartialEq)]
pub struct Shade {
    /// Seconds since the run began.
    pub from: f64,
    /// The same.
    pub to: f64,
    /// What was the case.
    pub text: String,
}

/// A chart over time.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeChart {
    /// What it shows.
    pub title: String,
    /// The unit of areas and lines.
    pub unit: Unit,
    /// Seconds since the run began, of the first value.
    pub from: f64,
    /// Seconds between values.
    pub step: f64,
    /// Stacked on each other, the first at the bottom.
    pub areas: Vec<Course>,
    /// On the left axis.
    pub lines: Vec<Course>,
    /// On the right axis, in steps, with its unit.
    pub right: Option<(Unit, Vec<Course>)>,
    /// Limits of thresholds, in words.
    pub limits: Vec<(f64, String)>,
    /// Whether the left axis is logarithmic.
    pub is_log: bool,
    /// What happened.
    pub marks: Vec<Marked>,
    /// When something was the case.
    pub shades: Vec<Shade>,
}

impl TimeChart {
    /// A chart with nothing on it.
    pub fn new(title: &str, unit: Unit, from: f64, step: f64) -> Self {
        Self {
            title: title.to_owned(),
            unit,
            from,
            step,
            areas: Vec::new(),
            lines: Vec::new(),
            right: None,
            limits: Vec::new(),
            is_log: false,
            marks: Vec::new(),
            shades: Vec::new(),
        }
    }

    /// Whether there is anything on it.
    pub fn is_empty(&self) -> bool {
        let mut all = self.areas.iter().chain(&self.lines);
        !all.any(|course| course.values.iter().any(Option::is_some))
    }

    /// How many steps it has.
    pub fn len(&self) -> usize {
        let all = self
            .areas
            .iter()
            .chain(&self.lines)
            .chain(self.on_the_right());
        all.map(|course| course.values.len()).max().unwrap_or(0)
    }

    /// All that is on it, with its unit.
    pub fn courses(&self) -> impl Iterator<Item = (Unit, &Course)> {
        let left = self.areas.iter().chain(&self.lines);
        let unit = self.right.as_ref().map_or(self.unit, |right| right.0);
        let right = self.on_the_right().iter().map(move |course| (unit, course));
        left.map(|course| (self.unit, course)).chain(right)
    }

    fn on_the_right(&self) -> &[Course] {
        self.right.as_ref().map_or(&[], |right| &right.1)
    }

    /// The chart.
    pub fn draw(&self, id: &str) -> String {
        let mut out = String::new();
        begin(&mut out, id, &self.title, &self.told());
        let entries: Vec<_> = self
            .courses()
            .map(|(_, course)| (course.label.clone(), course.ink, course.stroke))
            .collect();
        legend(&mut out, &entries);
        let scale = self.scale();
        heights(&mut out, scale, self.unit, -1);
        let right = self.right.as_ref().map(|(unit, courses)| {
            let scale = Scale::linear(highest(courses));
            heights(&mut out, scale, *unit, 1);
            (scale, courses)
        });
        let end = self.from + self.step * self.len().max(1) as f64;
        // A view of its own, so that it can be stretched without the numbers around it.
        write(
            &mut out,
            format_args!(
                "<svg class=\"plot\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{WIDE}\" height=\"{HIGH}\" \
                 viewBox=\"0 0 {WIDE} {HIGH}\" preserveAspectRatio=\"none\" fill=\"none\">"
            ),
        );
        let x = |seconds: f64| (seconds - self.from) / (end - self.from) * WIDE;
        for shade in &self.shades {
            let (from, to) = (x(shade.from.max(self.from)), x(shade.to.min(end)));
            if to > from {
                write(
                    &mut out,
                    format_args!(
                        "<rect x=\"{}\" y=\"0\" width=\"{}\" height=\"{HIGH}\" fill=\"#8a5a00\" \
                         fill-opacity=\".13\" class=\"f-warn\"><title>{}</title></rect>",
                        short(from),
                        short(to - from),
                        escaped(&shade.text)
                    ),
                );
            }
        }
        self.stack(&mut out, scale);
        for line in &self.lines {
            curve(&mut out, line, &path(&line.values, scale, false));
        }
        if let Some((scale, courses)) = right {
            for line in courses {
                curve(&mut out, line, &path(&line.values, scale, true));
            }
        }
        for (limit, text) in &self.limits {
            let y = (1.0 - scale.at(*limit)) * HIGH;
            write(
                &mut out,
                format_args!(
                    "<path d=\"M0 {}h{WIDE}\" stroke=\"#c1272d\" stroke-dasharray=\"5 4\" \
                     vector-effect=\"non-scaling-stroke\" class=\"s-err\"><title>{}</title></path>",
                    short(y),
                    escaped(text)
                ),
            );
        }
        for mark in self
            .marks
            .iter()
            .filter(|mark| (self.from..=end).contains(&mark.at))
        {
            let ink = if mark.is_trouble {
                Ink::FAILED
            } else {
                Ink::MUTED
            };
            write(
                &mut out,
                format_args!(
                    "<path d=\"M{} 0v{HIGH}\" stroke=\"{}\" stroke-opacity=\".55\" stroke-dasharray=\"2 3\" \
                     vector-effect=\"non-scaling-stroke\" class=\"s-{}\"><title>{}</title></path>",
                    short(x(mark.at)),
                    ink.color,
                    ink.name,
                    escaped(&mark.text)
                ),
            );
        }
        out.push_str("</svg>");
        below(&mut out, moments(self.from, end));
        out.push_str("</svg>");
        out
    }

    /// The same as a table: a row for each step.
    pub fn csv(&self) -> String {
        let mut out = "elapsed_s".to_owned();
        for (_, course) in self.courses() {
            write(
                &mut out,
                format_args!(",{}", crate::csv::quoted(&course.label)),
            );
        }
        out.push('\n');
        for step in 0..self.len() {
            write(
                &mut out,
                format_args!("{}", seconds(self.from + self.step * step as f64)),
            );
            for (_, course) in self.courses() {
                let value = course.values.get(step).copied().flatten();
                let value = value.map(|value| value.to_string()).unwrap_or_default();
                write(&mut out, format_args!(",{value}"));
            }
            out.push('\n');
        }
        out
    }

    /// What it shows, in words: the least and the most of each line.
    fn told(&self) -> String {
        let told = self.courses().filter_map(|(unit, course)| {
            let values = || course.values.iter().flatten().copied();
            let least = values().reduce(f64::min)?;
            let most = values().reduce(f64::max)?;
            let (least, most) = (unit.shown(least), unit.shown(most));
            Some(format!("{} from {least} to {most}", course.label))
        });
        told.collect::<Vec<_>>().join("; ")
    }

    fn scale(&self) -> Scale {
        let sums = (0..self.len()).map(|step| {
            let values = self
                .areas
                .iter()
                .filter_map(|area| area.values.get(step).copied().flatten());
            values.sum::<f64>()
        });
        let most = sums.fold(highest(&self.lines), f64::max);
        // A limit far above everything would flatten what there is to see.
        let near = self
            .limits
            .iter()
            .map(|limit| limit.0)
            .filter(|limit| *limit < most * 3.0);
        let most = near.fold(most, f64::max);
        if self.is_log {
            let least = self
                .lines
                .iter()
                .flat_map(|line| line.values.iter().flatten());
            let least = least
                .copied()
                .filter(|value| *value > 0.0)
                .fold(most, f64::min);
            Scale::log(least, most)
        } else {
            Scale::linear(most)
        }
    }

    fn stack(&self, out: &mut String, scale: Scale) {
        let steps = self.len();
        let mut floor = vec![0.0; steps];
        for area in &self.areas {
            let top: Vec<f64> = (0..steps)
                .map(|step| floor[step] + area.values.get(step).copied().flatten().unwrap_or(0.0))
                .collect();
            if top != floor {
                let mut data = String::new();
                let y = |value: f64| short((1.0 - scale.at(value)) * HIGH);
                for (step, value) in top.iter().enumerate() {
                    let command = if step == 0 { 'M' } else { 'L' };
                    write(
                        &mut data,
                        format_args!("{command}{} {}", short(center(step, steps)), y(*value)),
                    );
                }
                for (step, value) in floor.iter().enumerate().rev() {
                    write(
                        &mut data,
                        format_args!("L{} {}", short(center(step, steps)), y(*value)),
                    );
                }
                write(
                    out,
                    format_args!(
                        "<path d=\"{data}Z\" fill=\"{0}\" fill-opacity=\".75\" class=\"f-{1}\"/>",
                        area.ink.color, area.ink.name
                    ),
                );
            }
            floor = top;
        }
    }
}

/// Where the middle of a step is.
fn center(step: usize, steps: usize) -> f64 {
    (step as f64 + 0.5) / steps.max(1) as f64 * WIDE
}

fn highest(courses: &[Course]) -> f64 {
    let values = courses
        .iter()
        .flat_map(|course| course.values.iter().flatten());
    values.copied().fold(0.0, f64::max)
}

fn curve(out: &mut String, course: &Course, path: &str) {
    if path.is_empty() {
        return;
    }
    write(
        out,
        format_args!(
            "<path d=\"{path}\" stroke=\"{}\" stroke-width=\"1.6\" stroke-linejoin=\"round\" \
             stroke-linecap=\"round\"{} vector-effect=\"non-scaling-stroke\" class=\"s-{}\"/>",
            course.ink.color,
            course.stroke.dashes(),
            course.ink.name
        ),
    );
}

/// A line through values, broken where there is none; a value between two gaps is a dot. In steps, it
/// stays at a value until the next.
fn path(values: &[Option<f64>], scale: Scale, in_steps: bool) -> String {
    let mut data = String::new();
    let mut last = None;
    for (step, value) in values.iter().enumerate() {
        let Some(value) = value else {
            last = None;
            continue;
        };
        let x = short(center(step, values.len()));
        let y = short((1.0 - scale.at(*value)) * HIGH);
        match &last {
            None if step + 1 == values.len() || values[step + 1].is_none() => {
                write(&mut data, format_args!("M{x} {y}h0"));
            }
            None => write(&mut data, format_args!("M{x} {y}")),
            Some(before) if in_steps => {
                if *before != y {
                    write(&mut data, format_args!("H{x}V{y}"));
                } else if step + 1 == values.len() {
                    write(&mut data, format_args!("H{x}"));
                }
            }
            Some(_) => write(&mut data, format_args!("L{x} {y}")),
        }
        last = Some(y);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_gaps_where_nothing_was_measured() {
        let scale = Scale::linear(10.0);
        let drawn = path(&[Some(0.0), None, Some(10.0), Some(5.0)], scale, false);
        assert_eq!(drawn, "M57.5 180h0M287.5 0L402.5 90");
        let steps = path(&[Some(5.0), Some(5.0), Some(10.0), Some(10.0)], scale, true);
        assert_eq!(steps, "M57.5 90H287.5V0H402.5");
    }

    #[test]
    fn a_chart_tells_who_cannot_see_it_and_shows_limits_and_marks() {
        let mut chart = TimeChart::new("Times <b>", Unit::Millis, 0.0, 1.0);
        assert!(chart.is_empty());
        chart.lines.push(Course {
            label: "p95".into(),
            ink: Ink::P95,
            stroke: Stroke::Solid,
            values: vec![Some(2.0), Some(4.0)],
        });
        chart.limits.push((5.0, "p95>5ms".into()));
        chart.marks.push(Marked {
            at: 1.0,
            text: "50 users".into(),
            is_trouble: false,
        });
        let svg = chart.draw("c2");
        assert!(
            svg.contains("aria-label=\"Times &lt;b&gt;. p95 from 2 ms to 4 ms\""),
            "{svg}"
        );
        assert!(
            svg.contains("<title>p95&gt;5ms</title>") && svg.contains("<title>50 users</title>")
        );
        assert_eq!(chart.csv(), "elapsed_s,\"p95\"\n0,2\n1,4\n");
        // A run begins within a second, and a time is what a table says, not what a float is.
        chart.from = -0.023_000_001_907;
        assert_eq!(chart.csv(), "elapsed_s,\"p95\"\n0,2\n0.977,4\n");
    }
}
