//! Ground truth: what really arrived and when it was really answered.
//!
//! Every request is counted when its answer begins, before the first byte goes
//! out, so a client that holds the answer also finds it in the counts. Each is
//! also kept as one compact [`Record`] with three stamps. Counts are exact for
//! ever; records are kept in a ring, the newest ones survive.
//!
//! Worker threads write to a [`Ledger`] each; only a report or a reset looks
//! at all of them.

mod report;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::answer::Answer;
use super::clock::Stamp;
use super::request::{Method, Request};
use super::routes::RouteId;

pub(crate) use report::{report, write_log};

/// Different requests (method, path and query) that are told apart.
const MAX_PATHS: usize = 10_000;
/// Longer methods and targets, in bytes, are not told apart.
const MAX_PATH_LENGTH: usize = 2048;
/// The path of requests that are not told apart, and of those not understood.
const OTHER: u32 = 0;

/// One request and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// When the first byte of the request was read.
    pub(crate) arrival: Stamp,
    /// When the first bytes of the answer were handed to the kernel; 0: never.
    pub(crate) first: Stamp,
    /// When the last bytes were; 0: the answer never became whole.
    pub(crate) last: Stamp,
    path: u32,
    /// How long the answer was held back on purpose, in microseconds.
    delay: u32,
    connection: u32,
    /// 0: no status line was sent.
    status: u16,
    route: RouteId,
}

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Tally {
    route: RouteId,
    method: Method,
    status: u16,
}

/// One worker thread's counts and records.
#[derive(Default)]
struct Ledger {
    tallies: FxHashMap<Tally, u64>,
    /// How often each path was asked for, by its number.
    paths: Vec<u64>,
    /// Numbers of the paths that this thread has met.
    known: FxHashMap<Box<str>, u32>,
    records: Vec<Record>,
    /// Where the next record goes once the ring is full.
    next: usize,
    dropped: u64,
    unfinished: u64,
    /// Grows with each reset: what began before it no longer counts.
    era: u32,
    spelling: String,
}

/// Counts and records of all worker threads.
pub(crate) struct Truth {
    ledgers: Vec<Mutex<Ledger>>,
    names: Mutex<Names>,
    /// Records that one ledger keeps.
    capacity: usize,
}

/// The paths told apart, by number and by text; number 0 is all others.
struct Names {
    texts: Vec<Box<str>>,
    numbers: FxHashMap<Box<str>, u32>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            texts: vec!["(other)".into()],
            numbers: FxHashMap::default(),
        }
    }
}

impl Names {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        if self.texts.len() > MAX_PATHS {
            return OTHER;
        }
        let number = u32::try_from(self.texts.len()).expect("at most MAX_PATHS");
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }
}

impl Truth {
    /// Nothing counted yet, for so many threads and records altogether.
    pub(crate) fn new(threads: usize, records: usize) -> Self {
        let capacity = (records / threads).max(1);
        let ledger = || {
            Mutex::new(Ledger {
                // Pages that are never written take no memory.
                records: Vec::with_capacity(capacity),
                ..Ledger::default()
            })
        };
        Self {
            ledgers: (0..threads).map(|_| ledger()).collect(),
            names: Mutex::default(),
            capacity,
        }
    }

    /// Counts a request that is about to be answered.
    pub(crate) fn begin(
        &self,
        origin: Origin,
        request: Option<&Request<'_>>,
        route: RouteId,
        answer: &Answer,
    ) -> Exchange<'_> {
        let status = answer.status_sent();
        let mut ledger = self.ledgers[origin.thread].lock();
        let method = request.map_or(Method::Other, |request| request.method);
        let tally = Tally {
            route,
            method,
            status,
        };
        *ledger.tallies.entry(tally).or_default() += 1;
        let path = match request {
            Some(request) => self.path(&mut ledger, request),
            None => OTHER,
        };
        let index = path as usize;
        if ledger.paths.len() <= index {
            ledger.paths.resize(index + 1, 0);
        }
        ledger.paths[index] += 1;
        ledger.unfinished += 1;
        let delay = u32::try_from(answer.delay.as_micros()).unwrap_or(u32::MAX);
        Exchange {
            truth: self,
            thread: origin.thread,
            era: ledger.era,
            record: Record {
                arrival: origin.arrival,
                first: 0,
                last: 0,
                path,
                delay,
                connection: origin.connection,
                status,
                route,
            },
        }
    }

    /// The number of the request's path, found without allocation once this
    /// thread has met it.
    fn path(&self, ledger: &mut Ledger, request: &Request<'_>) -> u32 {
        if request.method_text.len() + request.target.len() > MAX_PATH_LENGTH {
            return OTHER;
        }
        ledger.spelling.clear();
        ledger.spelling.push_str(request.method_text);
        ledger.spelling.push(' ');
        ledger.spelling.push_str(request.target);
        if let Some(&number) = ledger.known.get(ledger.spelling.as_str()) {
            return number;
        }
        let number = self.names.lock().number(&ledger.spelling);
        if number != OTHER {
            ledger.known.insert(ledger.spelling.as_str().into(), number);
        }
        number
    }

    /// Forgets everything counted so far.
    pub(crate) fn reset(&self) {
        // All ledgers are held at once, so that no thread keeps a number of a
        // path that the table has already forgotten.
        let mut ledgers: Vec<_> = self.ledgers.iter().map(Mutex::lock).collect();
        *self.names.lock() = Names::default();
        for ledger in &mut ledgers {
            let mut records = std::mem::take(&mut ledger.records);
            records.clear();
            **ledger = Ledger {
                records,
                era: ledger.era + 1,
                ..Ledger::default()
            };
        }
    }
}

/// Where a request came from.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) thread: usize,
    pub(crate) connection: u32,
    pub(crate) arrival: Stamp,
}

/// A request that is being answered; dropping it keeps its record.
pub(crate) struct Exchange<'a> {
    truth: &'a Truth,
    thread: usize,
    era: u32,
    record: Record,
}

impl Exchange<'_> {
    /// The first bytes of the answer went out.
    pub(crate) fn began(&mut self, now: Stamp) {
        self.record.first = now;
    }

    /// The last bytes went out.
    pub(crate) fn finished(mut self, now: Stamp) {
        self.record.last = now;
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        let mut ledger = self.truth.ledgers[self.thread].lock();
        if ledger.era != self.era {
            return;
        }
        ledger.unfinished -= 1;
        if ledger.records.len() < self.truth.capacity {
            ledger.records.push(self.record);
            return;
        }
        let next = ledger.next;
        ledger.records[next] = self.record;
        ledger.next = (next + 1) % self.truth.capacity;
        ledger.dropped += 1;
    }
}
