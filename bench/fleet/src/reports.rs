//! Reports as bytes. Making one costs more than the master pays for it, so each second a few are
//! made, and every worker sends one of them under its own name and number.

use std::time::SystemTime;

use katydid_core::dispatch::Users;
use katydid_core::recorder::Recorder;
use katydid_core::registry::Registry;
use katydid_core::sample::{Sample, Times};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;
use katydid_wire::protocol::users_value;
use katydid_wire::report::{self, EXACT};
use katydid_wire::{Message, Value};

/// Different reports in each second.
const KINDS: usize = 8;
/// Stands for the number of a report until a worker sends it: msgpack writes it in four bytes,
/// and no other part of a report has it behind the key.
const NUMBER: u32 = u32::MAX;
/// One request in so many fails.
const FAILING: u64 = 100;

/// The length of every worker's id.
pub(crate) const ID: usize = 20;

/// What the workers of this second send.
pub(crate) struct Reports {
    registry: Registry,
    names: u32,
    requests: u32,
    is_stock: bool,
    second: u64,
    made: Vec<(Users, usize, Vec<u8>)>,
    chance: u64,
}

impl Reports {
    pub(crate) fn new(names: u32, requests: u32, is_stock: bool) -> Self {
        Self {
            registry: Registry::new(),
            names,
            requests,
            is_stock,
            second: 0,
            made: Vec::new(),
            chance: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// How many requests a report tells of.
    pub(crate) fn requests(&self) -> u64 {
        u64::from(self.names) * u64::from(self.requests)
    }

    /// A report of this moment.
    pub(crate) fn report(&mut self, id: &str, users: &Users, number: u32) -> Vec<u8> {
        let now = now();
        if self.second != now.as_secs() {
            self.second = now.as_secs();
            self.made.clear();
        }
        let kind = number as usize % KINDS;
        let known = self.made.iter();
        let mut known = known.filter(|(of, at, _)| *at == kind && of == users);
        let known = known.next().map(|(_, _, bytes)| bytes.clone());
        let mut bytes = known.unwrap_or_else(|| {
            let bytes = self.make(users, now);
            self.made.push((users.clone(), kind, bytes.clone()));
            bytes
        });
        let end = bytes.len();
        bytes[end - ID..].copy_from_slice(id.as_bytes());
        if !self.is_stock {
            // A text of up to 31 bytes has one byte before it.
            let at = end - ID - 1 - size_of::<u32>();
            bytes[at..at + size_of::<u32>()].copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    fn make(&mut self, users: &Users, now: Nanos) -> Vec<u8> {
        let stats = self.counted(now);
        let mut data = report::encode(&stats, &self.registry);
        if self.is_stock {
            for (_, value) in &mut data {
                strip(value);
            }
        }
        let count: u32 = users.values().sum();
        data.push(("user_classes_count".into(), users_value(users)));
        data.push(("user_count".into(), count.into()));
        if !self.is_stock {
            let ours = vec![("number".into(), NUMBER.into())];
            data.push((EXACT.into(), Value::Map(ours)));
        }
        Message::new("stats", Value::Map(data), "x".repeat(ID)).encode()
    }

    /// Requests of the last three seconds: most take some milliseconds, a few much longer.
    fn counted(&mut self, now: Nanos) -> Stats {
        let mut recorder = Recorder::new();
        for name in 0..self.names {
            let key = self.registry.key("GET", &format!("/shop/item/{name}/view"));
            for _ in 0..self.requests {
                let dice = self.throw();
                let micros = 2_000
                    + dice % 8_000
                    + if dice.is_multiple_of(20) {
                        dice % 400_000
                    } else {
                        0
                    };
                let service = Nanos::from_nanos(micros * 1_000 + dice % 1_000);
                let error = (dice / 7).is_multiple_of(FAILING).then(|| {
                    self.registry
                        .error(key, "503 Server Error: Service Unavailable")
                });
                recorder.record(&Sample {
                    key,
                    times: Some(Times {
                        service,
                        first_byte: Some(Nanos::from_nanos(service.as_nanos() * 9 / 10)),
                        lateness: Nanos::from_nanos(10_000 + dice % 90_000),
                    }),
                    at: Nanos::from_nanos(now.as_nanos() - dice % 3_000_000_000),
                    bytes_in: 1_200,
                    bytes_out: 300,
                    error,
                    counts_request: true,
                });
            }
        }
        recorder.take()
    }

    /// Marsaglia's xorshift: the same numbers in every run.
    fn throw(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance >> 16
    }
}

/// Leaves what stock workers would say.
fn strip(value: &mut Value) {
    match value {
        Value::Map(pairs) => {
            pairs.retain(|(key, _)| key.as_str() != Some(EXACT));
            for (_, value) in pairs {
                strip(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn now() -> Nanos {
    let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    epoch.unwrap_or_default().into()
}
