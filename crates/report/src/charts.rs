//! The charts of a report, from its steps and histograms.

use katydid_core::fingerprint::KINDS;
use katydid_core::histogram::Histogram;
use katydid_core::mark::Kind;
use katydid_core::threshold::{Metric, Threshold};
use katydid_core::trip::PHASES;
use katydid_core::units::Micros;
use katydid_core::window::Count;

use crate::model::{Report, Row, Step, quantile};
use crate::numbers::Unit;
use crate::svg::{
    Bars, Course, Heat, Ink, Marked, SERIES, Scatter, Shade, Spectrum, Stroke, TimeChart,
};

/// Seconds that a dot of a saturation curve covers, at least.
const DOT: u64 = 5;
/// The most dots of one.
const DOTS: usize = 120;
/// Columns of the heat map at most.
const COLUMNS: usize = 120;
/// A logarithmic axis shows both where the 99th percentile is so many times the median.
const SPREAD: f64 = 20.0;

/// A chart of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it is called in addresses and file names.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The chart itself.
    pub svg: String,
    /// Its values, where it is one over time.
    pub over_time: Option<TimeChart>,
}

impl Report {
    /// All charts of all requests that have something to show.
    pub fn charts(&self) -> Vec<Chart> {
        let all = &self.steps;
        let mut charts = vec![
            Self::timed("throughput", self.throughput(all)),
            Self::timed("response-times", self.response_times(all, true)),
            Self::timed("users", self.users()),
            Self::timed("failure-rate", self.failure_rate(all)),
        ];
        let heat = self.heat();
        if !heat.is_empty() {
            let title = "Response time heat map";
            charts.push(plain("heat-map", title, |id| heat.draw(id, title)));
        }
        charts.extend(distribution(&self.total, "percentiles", "histogram"));
        charts.extend([
            Self::timed("failures", self.failures_over_time(all)),
            Self::timed("statuses", self.statuses_over_time(all)),
            Self::timed("data", self.data(all)),
            Self::timed("phases", self.phases(all)),
            Self::timed("lateness", self.lateness_over_time()),
        ]);
        charts.extend(self.saturation());
        charts.extend([
            Self::timed("workers-cpu", self.workers_cpu()),
            Self::timed("workers-lateness", self.workers_lateness()),
        ]);
        charts.retain(|chart| !chart.svg.is_empty());
        charts
    }

    /// The charts of one name.
    pub fn charts_of(&self, row: &Row) -> Vec<Chart> {
        let mut charts = vec![
            Self::timed("", self.throughput(&row.steps)),
            Self::timed("", self.response_times(&row.steps, false)),
            Self::timed("", self.failures_over_time(&row.steps)),
        ];
        charts.extend(distribution(&row.count, "", ""));
        charts.retain(|chart| !chart.svg.is_empty());
        charts
    }

    fn timed(id: &'static str, chart: (&'static str, TimeChart)) -> Chart {
        let (title, mut chart) = chart;
        title.clone_into(&mut chart.title);
        let svg = if chart.is_empty() {
            String::new()
        } else {
            chart.draw(id)
        };
        Chart {
            id,
            title,
            svg,
            over_time: Some(chart),
        }
    }

    fn chart(&self, unit: Unit) -> TimeChart {
        TimeChart::new("", unit, self.elapsed(self.begin()), self.step as f64)
    }

    /// The second in which the first step begins: steps of a minute and more begin with the minute.
    fn begin(&self) -> u64 {
        let step = self.step.max(1);
        if step.is_multiple_of(60) {
            self.from - self.from % step
        } else {
            self.from
        }
    }

    /// How many steps there are.
    fn many(&self) -> usize {
        usize::try_from((self.to - self.begin()).div_ceil(self.step.max(1))).unwrap_or(0)
    }

    /// Which of them a second falls into.
    fn place(&self, second: u64) -> usize {
        usize::try_from(second.saturating_sub(self.begin()) / self.step.max(1))
            .unwrap_or(usize::MAX)
    }

    /// A value for each step of the whole stretch; nothing where the run has no such step.
    fn course(
        &self,
        label: &str,
        (ink, stroke): (Ink, Stroke),
        steps: &[Step],
        value: impl Fn(&Step) -> Option<f64>,
    ) -> Course {
        let many = self.many();
        let mut values = vec![None; many];
        for step in steps {
            if let Some(slot) = values.get_mut(self.place(step.t)) {
                *slot = value(step);
            }
        }
        Course {
            label: label.to_owned(),
            ink,
            stroke,
            values,
        }
    }

    /// The same for a count: where the run has a step but these requests have none, it is zero.
    fn rate(
        &self,
        label: &str,
        look: (Ink, Stroke),
        steps: &[Step],
        value: impl Fn(&Step) -> f64,
    ) -> Course {
        let mut course = self.course(label, look, &self.steps, |_| Some(0.0));
        let counted = self.course(label, look, steps, |step| {
            Some(value(step) / step.seconds.max(1) as f64)
        });
        for (mine, counted) in course.values.iter_mut().zip(counted.values) {
            *mine = counted.or(*mine);
        }
        course
    }

    fn throughput(&self, steps: &[Step]) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::PerSecond);
        chart.areas = vec![
            self.rate("OK", (Ink::OK, Stroke::Area), steps, |step| step.ok as f64),
            self.rate("failed", (Ink::FAILED, Stroke::Area), steps, |step| {
                step.failed as f64
            }),
        ];
        let users = self.course("users", (Ink::USERS, Stroke::Solid), &self.steps, |step| {
            Some(f64::from(step.users))
        });
        chart.right = Some((Unit::Count, vec![users]));
        self.mark(&mut chart);
        ("Throughput and users", chart)
    }

    fn response_times(&self, steps: &[Step], with_limits: bool) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::Millis);
        let lines = [
            ("p50", Ink::P50, Stroke::Solid),
            ("p90", Ink::P90, Stroke::Solid),
            ("p95", Ink::P95, Stroke::Solid),
            ("p99", Ink::P99, Stroke::Solid),
            ("max", Ink::MUTED, Stroke::Dotted),
        ];
        chart.lines = lines
            .into_iter()
            .enumerate()
            .map(|(place, (label, ink, stroke))| {
                self.course(label, (ink, stroke), steps, |step| {
                    Some(step.times[place]?.as_millis_f64())
                })
            })
            .collect();
        chart.is_log = {
            let most = chart.lines[3]
                .values
                .iter()
                .flatten()
                .copied()
                .fold(0.0, f64::max);
            most > middle(&chart.lines[0]).max(0.001) * SPREAD
        };
        // What is not known anywhere needs no entry in the legend.
        chart
            .lines
            .retain(|line| line.values.iter().any(Option::is_some));
        if with_limits {
            let limits = self.thresholds.iter().filter_map(|judged| {
                let threshold = Threshold::parse(&judged.text).ok()?;
                let is_time = matches!(
                    threshold.metric(),
                    Metric::Quantile(_) | Metric::Max | Metric::Mean
                );
                (is_time && threshold.selects_all())
                    .then(|| (threshold.limit(), judged.text.clone()))
            });
            chart.limits = limits.collect();
        }
        self.mark(&mut chart);
        ("Response times", chart)
    }

    fn users(&self) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::Count);
        chart.lines = vec![
            self.course(
                "wanted",
                (Ink::MUTED, Stroke::Dashed),
                &self.steps,
                |step| Some(f64::from(step.wanted)),
            ),
            self.course("running", (Ink::P90, Stroke::Solid), &self.steps, |step| {
                Some(f64::from(step.users))
            }),
        ];
        self.mark(&mut chart);
        ("Users", chart)
    }

    fn failure_rate(&self, steps: &[Step]) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::Part);
        chart.lines = vec![
            self.course("failed", (Ink::FAILED, Stroke::Solid), steps, |step| {
                (step.requests() > 0).then(|| step.failed as f64 / step.requests() as f64)
            }),
        ];
        let limits = self.thresholds.iter().filter_map(|judged| {
            let threshold = Threshold::parse(&judged.text).ok()?;
            let is_ratio = threshold.metric() == Metric::FailRatio && threshold.selects_all();
            is_ratio.then(|| (threshold.limit(), judged.text.clone()))
        });
        chart.limits = limits.collect();
        self.mark(&mut chart);
        ("Failure rate", chart)
    }

    fn heat(&self) -> Heat {
        let many = self.many();
        let joined = many.div_ceil(COLUMNS).max(1);
        let mut columns =
            vec![std::collections::BTreeMap::<i32, u64>::new(); many.div_ceil(joined)];
        for step in &self.steps {
            let place =
                usize::try_from((step.t - self.from) / self.step.max(1)).unwrap_or(0) / joined;
            if let Some(column) = columns.get_mut(place) {
                for (bar, count) in &step.cells {
                    *column.entry(*bar).or_default() += count;
                }
            }
        }
        Heat {
            from: self.elapsed(self.begin()),
            step: (self.step * joined as u64) as f64,
            columns: columns
                .into_iter()
                .map(|column| column.into_iter().collect())
                .collect(),
        }
    }

    fn failures_over_time(&self, steps: &[Step]) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::PerSecond);
        let present =
            (0..KINDS.len()).filter(|kind| steps.iter().any(|step| step.kinds[*kind] > 0));
        chart.areas = present
            .zip(SERIES.iter().cycle())
            .map(|(kind, ink)| {
                self.rate(KINDS[kind], (*ink, Stroke::Area), steps, |step| {
                    step.kinds[kind] as f64
                })
            })
            .collect();
        ("Failures by kind", chart)
    }

    fn statuses_over_time(&self, steps: &[Step]) -> (&'static str, TimeChart) {
        const CLASSES: [(&str, Ink); 6] = [
            ("none", Ink::MUTED),
            ("1xx", Ink::USERS),
            ("2xx", Ink::OK),
            ("3xx", Ink::P90),
            ("4xx", Ink::WARN),
            ("5xx", Ink::FAILED),
        ];
        let mut chart = self.chart(Unit::PerSecond);
        // Those that are good at the bottom.
        for class in [2, 3, 1, 4, 5, 0] {
            if steps.iter().any(|step| step.statuses[class] > 0) {
                let (label, ink) = CLASSES[class];
                chart
                    .areas
                    .push(self.rate(label, (ink, Stroke::Area), steps, |step| {
                        f64::from(step.statuses[class])
                    }));
            }
        }
        ("Responses by status", chart)
    }

    fn data(&self, steps: &[Step]) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::BytesPerSecond);
        if steps.iter().any(|step| step.bytes_in + step.bytes_out > 0) {
            chart.lines = vec![
                self.rate("received", (Ink::P90, Stroke::Solid), steps, |step| {
                    step.bytes_in as f64
                }),
                self.rate("sent", (Ink::P99, Stroke::Dashed), steps, |step| {
                    step.bytes_out as f64
                }),
            ];
        }
        ("Data transfer", chart)
    }

    fn phases(&self, steps: &[Step]) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::Millis);
        for (place, (name, ink)) in PHASES.iter().zip(SERIES).enumerate() {
            if steps
                .iter()
                .any(|step| step.phases[place] > Micros::from_micros(0))
            {
                chart
                    .areas
                    .push(self.course(name, (ink, Stroke::Area), steps, |step| {
                        let requests = step.requests();
                        (requests > 0).then(|| step.phases[place].as_millis_f64() / requests as f64)
                    }));
            }
        }
        ("Mean time by phase", chart)
    }

    fn lateness_over_time(&self) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::Millis);
        chart.lines = vec![
            self.course("p99", (Ink::WARN, Stroke::Solid), &self.steps, |step| {
                step.lateness_p99.map(Micros::as_millis_f64)
            }),
        ];
        ("Generator's own lateness", chart)
    }

    fn saturation(&self) -> Vec<Chart> {
        let dots = self.dots();
        if dots.len() < 3 {
            return Vec::new();
        }
        let scatter = |value: fn(&Dot) -> f64, unit, label: &str| Scatter {
            across: unit,
            across_label: label.to_owned(),
            up: Unit::Millis,
            points: dots
                .iter()
                .map(|dot| (dot.at, value(dot), dot.p95))
                .collect(),
        };
        let (by_rate, by_users) = (
            scatter(|dot| dot.rate, Unit::PerSecond, "requests per second"),
            scatter(|dot| dot.users, Unit::Count, "users"),
        );
        let (rate_title, users_title) = ("p95 over requests per second", "p95 over users");
        vec![
            plain("saturation", rate_title, |id| by_rate.draw(id, rate_title)),
            plain("saturation-users", users_title, |id| {
                by_users.draw(id, users_title)
            }),
        ]
    }

    /// Rates, users and 95th percentiles of stretches of equal length.
    fn dots(&self) -> Vec<Dot> {
        let steps = &self.steps;
        let joined = usize::try_from(DOT.div_ceil(self.step.max(1))).unwrap_or(1);
        let joined = joined.max(steps.len().div_ceil(DOTS)).max(1);
        let dots = steps.chunks(joined).filter_map(|chunk| {
            let mut times = Histogram::default();
            for step in chunk {
                times.merge(&step.all);
            }
            let seconds: u64 = chunk.iter().map(|step| step.seconds).sum();
            let requests: u64 = chunk.iter().map(Step::requests).sum();
            Some(Dot {
                at: self.elapsed(chunk[0].t),
                rate: requests as f64 / seconds.max(1) as f64,
                users: chunk
                    .iter()
                    .map(|step| f64::from(step.users))
                    .fold(0.0, f64::max),
                p95: quantile(&times, 0.95).or_else(|| slowest(chunk))?,
            })
        });
        dots.collect()
    }

    fn workers_cpu(&self) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::Percent);
        chart.lines = self.of_workers(|(_, cpu, _)| Some(*cpu));
        ("Processor time of those who ran the users", chart)
    }

    fn workers_lateness(&self) -> (&'static str, TimeChart) {
        let mut chart = self.chart(Unit::Millis);
        chart.lines = self.of_workers(|(_, _, late)| late.map(Micros::as_millis_f64));
        ("Lateness of those who ran the users, p99", chart)
    }

    /// A line for each of the first workers.
    fn of_workers(
        &self,
        value: impl Fn(&(u64, f64, Option<Micros>)) -> Option<f64>,
    ) -> Vec<Course> {
        if self.workers.len() < 2 {
            return Vec::new();
        }
        let workers = self.workers.iter().zip(SERIES);
        let lines = workers.map(|(worker, ink)| {
            let steps: Vec<_> = worker
                .course
                .iter()
                .map(|point| {
                    (
                        Step {
                            t: point.0,
                            ..Step::default()
                        },
                        value(point),
                    )
                })
                .collect();
            let mut course = self.course(&worker.id, (ink, Stroke::Solid), &[], |_| None);
            for (step, value) in steps {
                if let Some(slot) = course.values.get_mut(self.place(step.t)) {
                    *slot = match (*slot, value) {
                        (Some(one), Some(other)) => Some(f64::max(one, other)),
                        (one, other) => other.or(one),
                    };
                }
            }
            course
        });
        lines.collect()
    }

    /// Puts what happened onto a chart, and shades pauses.
    fn mark(&self, chart: &mut TimeChart) {
        let at = |ms: u64| (ms as f64 - self.started_ms as f64) / 1e3;
        let mut paused = None;
        for mark in &self.marks {
            match mark.kind {
                Kind::Pause => paused = Some(at(mark.at_ms)),
                Kind::Resume | Kind::End => {
                    if let Some(from) = paused.take() {
                        chart.shades.push(Shade {
                            from,
                            to: at(mark.at_ms),
                            text: "paused".to_owned(),
                        });
                    }
                }
                Kind::Start => {}
                kind => chart.marks.push(Marked {
                    at: at(mark.at_ms),
                    text: mark.text.clone(),
                    is_trouble: matches!(kind, Kind::Threshold | Kind::Health | Kind::Worker),
                }),
            }
        }
    }
}

/// A stretch of a run, for a saturation curve.
struct Dot {
    at: f64,
    rate: f64,
    users: f64,
    p95: f64,
}

/// The longest of the 95th percentiles of steps whose histograms are not known.
fn slowest(steps: &[Step]) -> Option<f64> {
    let times = steps
        .iter()
        .filter_map(|step| Some(step.times[2]?.as_millis_f64()));
    times.reduce(f64::max)
}

fn plain(id: &'static str, title: &'static str, draw: impl Fn(&str) -> String) -> Chart {
    Chart {
        id,
        title,
        svg: draw(id),
        over_time: None,
    }
}

/// The percentile spectrum and the histogram of requests, if there are any.
fn distribution(count: &Count, spectrum_id: &'static str, bars_id: &'static str) -> Vec<Chart> {
    let times = count.times();
    if times.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![("all".to_owned(), Ink::P90, Stroke::Solid, spectrum(&times))];
    if !count.failed.is_empty() && !count.ok.is_empty() {
        lines.push((
            "OK".to_owned(),
            Ink::OK,
            Stroke::Dashed,
            spectrum(&count.ok),
        ));
        lines.push((
            "failed".to_owned(),
            Ink::FAILED,
            Stroke::Dotted,
            spectrum(&count.failed),
        ));
    }
    let percentiles = Spectrum { lines };
    let bars = Bars {
        bars: katydid_core::heat::bars(&count.ok, &count.failed),
    };
    let (spectrum_title, bars_title) = ("Response times by percentile", "Response time histogram");
    vec![
        plain(spectrum_id, spectrum_title, |id| {
            percentiles.draw(id, spectrum_title)
        }),
        plain(bars_id, bars_title, |id| bars.draw(id, bars_title)),
    ]
}

/// The middle of a line's values.
fn middle(course: &Course) -> f64 {
    let mut values: Vec<f64> = course.values.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Points of a percentile spectrum: parts of all requests, and the milliseconds they stayed within.
pub(crate) fn spectrum(times: &Histogram) -> Vec<(f64, f64)> {
    times
        .spectrum()
        .into_iter()
        .map(|(part, time)| (part, time.as_millis_f64()))
        .collect()
}
