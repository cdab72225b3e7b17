//! The console tables against files that Locust 2.47.0 printed for the same requests.

use katydid_core::recorder::Recorder;
use katydid_core::registry::Registry;
use katydid_core::report::text::{self, Rates, Widths};
use katydid_core::sample::{Sample, Times};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;

const START: Nanos = Nanos::from_secs(1_700_000_000);
const LONG: &str = "/very/long/name/that/goes/on/and/on/and/on/until/the/column/of/eighty/\
                    characters/is/full/and/more";

/// Counts what the script that made the files handed to Locust.
struct Requests {
    registry: Registry,
    recorder: Recorder,
}

impl Requests {
    /// One request that finished `at` milliseconds after the start.
    fn add(&mut self, at: u64, (method, name): (&str, &str), time_ms: Option<f64>, bytes: u64) {
        self.count(at, (method, name), time_ms, bytes, None);
    }

    fn count(
        &mut self,
        at: u64,
        (method, name): (&str, &str),
        time_ms: Option<f64>,
        bytes_in: u64,
        error: Option<&str>,
    ) {
        let key = self.registry.key(method, name);
        let times = time_ms.map(|ms| Times {
            service: Nanos::from_millis_f64(ms),
            ..Times::default()
        });
        self.recorder.record(&Sample {
            key,
            error: error.map(|text| self.registry.error(key, text)),
            times,
            bytes_in,
            bytes_out: 0,
            at: START.saturating_add(Nanos::from_millis(at)),
            counts_request: times.is_some() || error.is_none(),
        });
    }
}

fn twenty_seconds() -> (Stats, Registry) {
    let mut requests = Requests {
        registry: Registry::new(),
        recorder: Recorder::new(),
    };
    for i in 0..200_u64 {
        let (at, step) = (100 * i, i as f64);
        requests.add(at, ("GET", "/"), Some(1.0 + 0.37 * step), 100 + i);
        if i % 3 == 0 {
            let error = (i % 2 == 0).then_some("500 Server Error: x");
            let basket = ("POST", "/basket/[id]");
            requests.count(at + 20, basket, Some(120.0 + 7.25 * step), 20, error);
        }
        if i % 50 == 0 {
            requests.add(at + 30, ("GET", LONG), Some(15_000.0 + step), 5);
        }
        if i % 20 == 0 {
            requests.add(at + 40, ("", "custom"), None, 0);
        }
        if i % 40 == 0 {
            requests.count(at + 50, ("WS", "socket"), None, 0, Some("closed early"));
        }
    }
    let mut stats = Stats::starting(START);
    stats.merge(&requests.recorder.take());
    (stats, requests.registry)
}

const TERMINAL: Widths = Widths { name: 80, kind: 8 };
const NARROW: Widths = Widths { name: 0, kind: 8 };

#[test]
fn the_request_table_while_running_is_locusts() {
    let (stats, registry) = twenty_seconds();
    let table = |widths| text::requests(&stats, &registry, Rates::Current, widths);
    assert_eq!(
        table(TERMINAL),
        include_str!("tables/requests_current_80.txt")
    );
    assert_eq!(table(NARROW), include_str!("tables/requests_current_0.txt"));
}

#[test]
fn the_request_table_at_the_end_is_locusts() {
    let (stats, registry) = twenty_seconds();
    let table = |widths| text::requests(&stats, &registry, Rates::Total, widths);
    assert_eq!(
        table(TERMINAL),
        include_str!("tables/requests_final_80.txt")
    );
    assert_eq!(table(NARROW), include_str!("tables/requests_final_0.txt"));
}

#[test]
fn the_percentile_table_is_locusts() {
    let (stats, registry) = twenty_seconds();
    let table = |widths| text::percentiles(&stats, &registry, widths, &text::PERCENTILES);
    assert_eq!(table(TERMINAL), include_str!("tables/percentiles_80.txt"));
    assert_eq!(
        table(Widths { name: 40, kind: 8 }),
        include_str!("tables/percentiles_40.txt")
    );
}

#[test]
fn the_error_report_is_locusts() {
    let (stats, registry) = twenty_seconds();
    let table = |widths| text::errors(&stats, &registry, widths);
    assert_eq!(table(TERMINAL), include_str!("tables/errors_80.txt"));
    assert_eq!(table(NARROW), include_str!("tables/errors_0.txt"));
}

#[test]
fn the_error_report_shows_what_a_script_called_a_failure_as_it_was_given() {
    let mut requests = Requests {
        registry: Registry::new(),
        recorder: Recorder::new(),
    };
    let errors = [
        r"CatchResponseError('too slow')",
        r#"CatchResponseError("it's gone")"#,
        r"CatchResponseError('a \'quote\', a \\ and a \u2028 \xe9')",
        r"CatchResponseError(5)",
        r"HTTPError('404 Client Error: Not Found for url: /')",
    ];
    for (at, error) in (0..).zip(errors) {
        requests.count(at, ("GET", "/"), Some(1.0), 0, Some(error));
    }
    let mut stats = Stats::starting(START);
    stats.merge(&requests.recorder.take());
    let table = text::errors(&stats, &requests.registry, Widths::default());
    let shown: Vec<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("1                  GET /: "))
        .map(str::trim_end)
        .collect();
    assert_eq!(
        shown,
        [
            "too slow",
            "it's gone",
            "a 'quote', a \\ and a \u{2028} \u{e9}",
            "5",
            "HTTPError('404 Client Error: Not Found for url: /')",
        ]
    );
}

#[test]
fn tables_of_nothing_have_a_head_and_an_empty_total() {
    let (stats, registry) = (Stats::default(), Registry::new());
    let widths = Widths::default();
    let requests = text::requests(&stats, &registry, Rates::Total, widths);
    assert_eq!(requests.lines().count(), 5);
    let total = requests.lines().nth(3).unwrap();
    let cells: Vec<_> = total.split_whitespace().collect();
    assert_eq!(
        cells,
        [
            "Aggregated",
            "0",
            "0(0.00%)",
            "|",
            "0",
            "0",
            "0",
            "0",
            "|",
            "0.00",
            "0.00"
        ]
    );
    assert_eq!(
        text::percentiles(&stats, &registry, widths, &text::PERCENTILES)
            .lines()
            .count(),
        5
    );
    assert_eq!(text::errors(&stats, &registry, widths), "");
}
