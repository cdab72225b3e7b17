//! Statistics on their way from a worker to a master.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

use katydid_core::recorder::Recorder;
use katydid_core::registry::Registry;
use katydid_core::sample::{Sample, Times};
use katydid_core::stats::Stats;
use katydid_core::trip::Trip;
use katydid_core::units::Nanos;
use katydid_wire::report::{self, EXACT, Report};
use katydid_wire::{Message, Value};
use proptest::prelude::*;

const START: u64 = 1_700_000_000;

#[derive(Clone, Debug)]
struct Request {
    name: usize,
    at_ms: u64,
    micros: Option<u64>,
    bytes: u64,
    error: Option<usize>,
}

fn request() -> impl Strategy<Value = Request> {
    (
        0..5_usize,
        0..30_000_u64,
        prop::option::weighted(0.9, 1..40_000_000_u64),
        0..5_000_u64,
        prop::option::weighted(0.1, 0..3_usize),
    )
        .prop_map(|(name, at_ms, micros, bytes, error)| Request {
            name,
            at_ms,
            micros,
            bytes,
            error,
        })
}

fn counted(requests: &[Request], registry: &Registry) -> Stats {
    let mut recorder = Recorder::new();
    for request in requests {
        let key = registry.key("GET", &format!("/{}", request.name));
        let sample = Sample {
            key,
            error: request
                .error
                .map(|error| registry.error(key, &format!("error {error}"))),
            times: request.micros.map(|micros| Times {
                service: Nanos::from_nanos(micros * 1_000 + 17),
                lateness: Nanos::from_micros(micros / 10),
                first_byte: Some(Nanos::from_micros(micros / 2)),
            }),
            bytes_in: request.bytes,
            bytes_out: 100,
            at: Nanos::from_millis(START * 1_000 + request.at_ms),
            counts_request: true,
        };
        let status = [200, 404, 0][request.name % 3];
        let phases = [0, 0, 0, 3, 0, 9, request.bytes, 1];
        recorder.record_trip(&sample, &Trip::new(status, phases.map(Nanos::from_micros)));
        let iterations = recorder.iterations();
        iterations.fall_due(request.bytes, sample.at);
        iterations.begin_due(Nanos::from_micros(request.at_ms), sample.at);
        iterations.finish(1, sample.at);
        iterations.give_up(request.name as u64, sample.at);
    }
    recorder.take()
}

/// Through bytes and back, as a master of another process sees it.
fn carried(stats: &Stats, registry: &Registry, into: &Registry) -> Report {
    let data = Value::Map(report::encode(stats, registry));
    let bytes = Message::new("stats", data, "worker").encode();
    report::decode(&Message::decode(&bytes).unwrap().data, into).unwrap()
}

fn without_exact(value: &Value) -> Value {
    match value {
        Value::Map(pairs) => Value::Map(
            pairs
                .iter()
                .filter(|(key, _)| key.as_str().is_none_or(|key| !key.starts_with(EXACT)))
                .map(|(key, value)| (key.clone(), without_exact(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_exact).collect()),
        other => other.clone(),
    }
}

proptest! {
    /// The merge law: whatever workers the same requests came through, bin for bin the same.
    #[test]
    fn any_number_of_workers_and_reports_gives_what_one_process_counts(
        requests in prop::collection::vec((request(), 0..8_usize), 1..120),
        workers in 1..8_usize,
    ) {
        let registry = Registry::new();
        let all: Vec<_> = requests.iter().map(|(request, _)| request.clone()).collect();
        let alone = counted(&all, &registry);
        let mut fleet = Stats::default();
        for worker in 0..workers {
            let share = requests.iter().filter(|(_, it)| it % workers == worker);
            let share: Vec<_> = share.map(|(request, _)| request.clone()).collect();
            for part in share.chunks(7) {
                // A worker numbers its names by itself.
                let own = Registry::new();
                let report = carried(&counted(part, &own), &own, &registry);
                prop_assert!(report.is_exact);
                fleet.merge(&report.stats);
            }
        }
        prop_assert_eq!(fleet.total(), alone.total());
        for (key, entry) in alone.entries() {
            prop_assert_eq!(fleet.entry(key).unwrap(), entry);
        }
        prop_assert_eq!(fleet.errors().collect::<Vec<_>>(), alone.errors().collect::<Vec<_>>());
    }

    #[test]
    fn a_stock_worker_is_read_as_far_as_it_tells(requests in prop::collection::vec(request(), 1..60)) {
        let registry = Registry::new();
        let stats = counted(&requests, &registry);
        let data = without_exact(&Value::Map(report::encode(&stats, &registry)));
        let read = report::decode(&data, &registry).unwrap();
        prop_assert!(!read.is_exact);
        let (ours, theirs) = (stats.total(), read.stats.total());
        prop_assert_eq!((ours.requests, ours.none_requests, ours.failures, ours.bytes_in),
                        (theirs.requests, theirs.none_requests, theirs.failures, theirs.bytes_in));
        prop_assert_eq!(&ours.buckets, &theirs.buckets);
        prop_assert_eq!(&ours.requests_by_second, &theirs.requests_by_second);
        prop_assert_eq!(theirs.histograms.service_ok.count(), ours.buckets.count());
    }

    #[test]
    fn mangled_reports_are_errors_and_never_panic(
        requests in prop::collection::vec(request(), 1..5),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let registry = Registry::new();
        let data = Value::Map(report::encode(&counted(&requests, &registry), &registry));
        let mut bytes = Message::new("stats", data, "w").encode();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(message) = Message::decode(&bytes) && let Ok(read) = report::decode(&message.data, &registry) {
            let mut twice = read.stats.clone();
            twice.merge(&read.stats);
        }
    }
}
