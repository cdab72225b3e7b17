//! What counting one request costs, and merging what was counted.

use divan::{Bencher, black_box};
use katydid_core::recorder::Recorder;
use katydid_core::registry::Registry;
use katydid_core::sample::{Sample, Times};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;

const BATCH: usize = 10_000;

fn main() {
    divan::main();
}

/// Requests of 100 to 400 us with now and then a slow one, over some names.
fn samples_over(names: usize) -> Vec<Sample> {
    let registry = Registry::new();
    let keys: Vec<_> = (0..names)
        .map(|i| registry.key("GET", &format!("/{i}")))
        .collect();
    // A multiplicative generator is random enough here and always the same.
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % below
    };
    let samples = (0..BATCH as u64).map(|i| {
        let slow = if next(100) == 0 { 20_000 } else { 0 };
        let service = Nanos::from_micros(100 + next(300) + slow);
        let times = Times {
            lateness: Nanos::from_micros(next(30)),
            service,
            first_byte: Some(service.saturating_sub(Nanos::from_micros(10))),
        };
        Sample {
            key: keys[usize::try_from(next(names as u64)).expect("fits")],
            error: None,
            times: Some(times),
            bytes_in: 500,
            bytes_out: 100,
            at: Nanos::from_micros(1_700_000_000_000_000 + 25 * i),
            counts_request: true,
        }
    });
    samples.collect()
}

fn recorded(samples: &[Sample]) -> Stats {
    let mut recorder = Recorder::new();
    for sample in samples {
        recorder.record(sample);
    }
    recorder.take()
}

#[divan::bench(args = [1, 100, 1_000])]
fn record(bencher: Bencher<'_, '_>, names: usize) {
    let samples = samples_over(names);
    let mut recorder = Recorder::new();
    bencher.counter(BATCH).bench_local(|| {
        for sample in &samples {
            recorder.record(black_box(sample));
        }
    });
}

#[divan::bench(args = [1, 100, 1_000])]
fn merge(bencher: Bencher<'_, '_>, names: usize) {
    let delta = recorded(&samples_over(names));
    let mut stats = delta.clone();
    bencher
        .counter(names)
        .bench_local(|| stats.merge(black_box(&delta)));
}

#[divan::bench(args = [1, 100, 1_000])]
fn record_and_take(bencher: Bencher<'_, '_>, names: usize) {
    let samples = samples_over(names);
    bencher
        .counter(BATCH)
        .bench_local(|| recorded(black_box(&samples)));
}
