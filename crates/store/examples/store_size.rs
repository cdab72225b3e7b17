//! Prints how much room runs take, and how fast a store with many of them is listed:
//! `cargo run --release --example store_size`.
//!
//! Requests are made up, counted by the engine's recorder, and written second by second as a run's are;
//! only the clock is not waited for. Times are log-normal around 20 ms to 200 ms, one name each, some
//! fail, and the generator is some tens of microseconds late.
#![expect(
    clippy::disallowed_methods,
    reason = "it measures how long writing takes"
)]

use std::error::Error;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use katydid_core::recorder::Recorder;
use katydid_core::registry::{KeyId, Registry};
use katydid_core::sample::{Sample, Times};
use katydid_core::trip::{PHASES, Trip};
use katydid_core::units::Nanos;
use katydid_core::window::{Second, Window};
use katydid_store::{Name, News, Store, Sums};

/// When the made-up runs begin, in seconds of the Unix epoch.
const STARTED: u64 = 1_700_000_000;
const NAMES: u32 = 100;
const HOURS: u64 = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let hours = std::env::args().nth(1).and_then(|it| it.parse().ok());
    let seconds = hours.unwrap_or(HOURS) * 3_600;
    let mut out = io::stdout();
    writeln!(
        out,
        "{NAMES} names, {} h, every second with counts, bytes, statuses, phases and exact histograms:\n",
        seconds / 3_600
    )?;
    writeln!(
        out,
        "| requests/s | MB | bytes a second | mean write | longest write | any minute read in | all read in |"
    )?;
    writeln!(out, "|---:|---:|---:|---:|---:|---:|---:|")?;
    for rate in [100, 500, 1_000, 5_000] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("runs.db");
        let mut store = Store::open(&path)?;
        let written = write_run(&mut store, "run", STARTED, seconds, rate)?;
        let size = size(&mut store, &path)?;
        let read = |from, to| {
            let began = Instant::now();
            store.summary("run", from, to)?;
            Ok::<_, katydid_store::StoreError>(began.elapsed().as_secs_f64() * 1e3)
        };
        writeln!(
            out,
            "| {rate} | {:.0} | {} | {:.1} ms | {:.0} ms | {:.0} ms | {:.0} ms |",
            size as f64 / 1e6,
            size / seconds,
            written.mean,
            written.longest,
            read(STARTED + 1_234, STARTED + 1_294)?,
            read(STARTED, STARTED + seconds)?,
        )?;
    }
    list(&mut out)
}

/// How long it takes to open a store of a month and to list what it has.
fn list(out: &mut impl io::Write) -> Result<(), Box<dyn Error>> {
    const RUNS: u64 = 200;
    const LENGTH: u64 = 600;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("runs.db");
    let mut store = Store::open(&path)?;
    for run in 0..RUNS {
        let id = format!("run {run:03}");
        write_run(&mut store, &id, STARTED + run * 13_000, LENGTH, 200)?;
    }
    drop(store);
    let began = Instant::now();
    let store = Store::look(&path)?;
    let runs = store.runs(u64::MAX)?;
    let mut requests = 0;
    for run in &runs {
        requests += store.total(&run.id)?.count.requests;
    }
    let took = began.elapsed().as_secs_f64() * 1e3;
    writeln!(
        out,
        "\n{} runs of {} minutes, {NAMES} names, {:.0} MB: opened and listed with their totals \
         ({requests} requests) in {took:.0} ms (aim: 1000 ms)",
        runs.len(),
        LENGTH / 60,
        std::fs::metadata(&path)?.len() as f64 / 1e6,
    )?;
    Ok(())
}

struct Written {
    mean: f64,
    longest: f64,
}

fn write_run(
    store: &mut Store,
    id: &str,
    begun: u64,
    seconds: u64,
    rate: u64,
) -> Result<Written, Box<dyn Error>> {
    let registry = Registry::new();
    let keys: Vec<_> = (0..NAMES)
        .map(|name| registry.key("GET", &format!("/shop/item/{name}")))
        .collect();
    let error = registry.error(keys[0], "HTTPError('503 Server Error: Busy')");
    let mut random = Random(begun ^ rate);
    store.begin_run(id, begun * 1_000, "{\"name\":\"shop.py\"}", begun * 1_000)?;
    let names = (0..NAMES).map(|id| Name {
        id,
        method: "GET".into(),
        name: format!("/shop/item/{id}"),
    });
    let mut news = News {
        names: names.collect(),
        ..News::default()
    };
    let (mut sums, mut recorder) = (Sums::default(), Recorder::new());
    let (mut all, mut longest) = (0.0, 0.0_f64);
    for t in begun..begun + seconds {
        for _ in 0..rate {
            let name = random.next() % u64::from(NAMES);
            let (sample, trip) = request(&keys, name, t, error, &mut random);
            recorder.record_trip(&sample, &trip);
        }
        let stats = recorder.take();
        let number = |key: KeyId| {
            let place = keys.iter().position(|it| *it == key).unwrap_or(0);
            u32::try_from(place).unwrap_or(0)
        };
        let clock = Instant::now();
        news.seconds.push(Second {
            t,
            users: 50,
            wanted: 50,
            window: Window::of(&stats, number, |_| 0),
        });
        news.now_ms = (t + 1) * 1_000;
        news.has_ended = t + 1 == begun + seconds;
        store.record(id, &news, &mut sums)?;
        news = News::default();
        let took = clock.elapsed().as_secs_f64() * 1e3;
        all += took;
        longest = longest.max(took);
    }
    Ok(Written {
        mean: all / seconds as f64,
        longest,
    })
}

fn request(
    keys: &[KeyId],
    name: u64,
    t: u64,
    error: katydid_core::registry::ErrorId,
    random: &mut Random,
) -> (Sample, Trip) {
    let median = 20_000.0 * 10_f64.powf(name as f64 / f64::from(NAMES));
    let service = Nanos::from_millis_f64(median * (0.4 * random.normal()).exp() / 1e3);
    let lateness = Nanos::from_millis_f64(0.03 * (0.6 * random.normal()).exp());
    let failed = random.next().is_multiple_of(200);
    let mut phases = [Nanos::ZERO; PHASES.len()];
    let send = Nanos::from_micros(20 + random.next() % 20);
    let receive = Nanos::from_micros(30 + random.next() % 100);
    (phases[0], phases[5], phases[7]) = (lateness, send, receive);
    phases[6] = service.saturating_sub(send).saturating_sub(receive);
    let place = usize::try_from(name).unwrap_or(0);
    let sample = Sample {
        key: keys[place],
        error: failed.then_some(error),
        times: Some(Times {
            lateness,
            service,
            first_byte: Some(service.saturating_sub(receive)),
        }),
        bytes_in: 800 + random.next() % 4_000,
        bytes_out: 200,
        at: Nanos::from_secs(t),
        counts_request: true,
    };
    (sample, Trip::new(if failed { 503 } else { 200 }, phases))
}

/// The size of a store's file once everything is in it.
fn size(store: &mut Store, path: &Path) -> Result<u64, Box<dyn Error>> {
    while store.tidy()? {}
    store.settle()?;
    Ok(std::fs::metadata(path)?.len())
}

/// Numbers that are the same each time (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Of the standard normal distribution (Box and Muller).
    fn normal(&mut self) -> f64 {
        let (one, other) = (self.unit().max(f64::MIN_POSITIVE), self.unit());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }
}
