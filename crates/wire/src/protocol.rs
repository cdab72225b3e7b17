//! What masters and workers say to each other, by Locust's words for it.

use std::collections::BTreeMap;
use std::time::Duration;

use katydid_core::dispatch::Users;
use katydid_core::fault::Example;
use katydid_core::registry::{ErrorId, Registry};
use katydid_core::snapshot::{State, Vitals};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;
use rmpv::Value;
use thiserror::Error;

use crate::example;
use crate::message::{ARRAY_OF_3, Message, field, write};
use crate::report::{self, EXACT, Report, ReportError};

/// The version of Locust whose protocol this is.
pub const VERSION: &str = "2.47.0";

/// What a worker says to its master.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// It is there and has no users; the version it speaks, if it says one.
    Ready(Version),
    /// It lives.
    Heartbeat {
        /// What it is doing.
        state: State,
        /// Processor time it uses, 100 for one core.
        cpu_percent: f64,
        /// Memory it holds, in bytes; workers in other languages may not say.
        memory_bytes: Option<u64>,
        /// What it has under way and open; only ours say.
        vitals: Option<Vitals>,
    },
    /// It begins to start users.
    Spawning,
    /// It has the users it was to have.
    SpawningComplete(Users),
    /// What it has counted since its last report.
    Report {
        /// The counts.
        stats: Stats,
        /// The users it has.
        users: Users,
        /// Whether the times are exact.
        is_exact: bool,
        /// The report's number, of workers that wait for a receipt; each has its own sequence.
        number: Option<u64>,
        /// What tells its clock from the master's.
        stamps: Option<Stamps>,
        /// Whether another report of the same time follows at once.
        has_more: bool,
    },
    /// It has stopped its users and will be ready again.
    Stopped,
    /// It ends.
    Quit,
    /// A script of its did not catch an exception.
    Exception {
        /// The exception as text.
        msg: String,
        /// Where it was raised.
        traceback: String,
    },
    /// Requests of its that failed, with their errors. Only masters that send receipts are told.
    Examples(Vec<(ErrorId, Example)>),
    /// All that it has logged, the last lines of it.
    Logs(Vec<String>),
    /// It wants the scripts.
    Locustfile,
    /// Something between scripts.
    Custom(String, Value),
}

/// When a worker got a receipt and when it sent its next report, by its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The receipt's number.
    pub receipt: u64,
    /// When it came, since the Unix epoch.
    pub heard: Nanos,
    /// When the report was sent.
    pub sent: Nanos,
}

impl Stamps {
    /// The stamps as they go with a report, under [`EXACT`] and `stamps`.
    pub fn value(&self) -> Value {
        let Self {
            receipt,
            heard,
            sent,
        } = self;
        Value::Array(vec![
            (*receipt).into(),
            heard.as_nanos().into(),
            sent.as_nanos().into(),
        ])
    }

    fn of(value: &Value) -> Option<Self> {
        let [receipt, heard, sent] = value.as_array()?.as_slice() else {
            return None;
        };
        Some(Self {
            receipt: receipt.as_u64()?,
            heard: Nanos::from_nanos(heard.as_u64()?),
            sent: Nanos::from_nanos(sent.as_u64()?),
        })
    }
}

/// What a worker says about its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// This one.
    Of(String),
    /// It speaks the protocol in its own way and asks not to be judged; Boomer and others.
    Any,
    /// Nothing: it is of a generation before this protocol.
    Unsaid,
}

/// What a master says to a worker.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// It is known, by this index.
    Welcome {
        /// Its place among all workers; masters of older versions do not say.
        index: Option<u32>,
        /// Whether the master sends receipts.
        sends_receipts: bool,
    },
    /// All users it is to have.
    Assign(Assignment),
    /// All workers together have all users; how many.
    SpawningComplete(u32),
    /// The master lives.
    Heartbeat,
    /// The report of this number has arrived.
    Receipt(u64),
    /// Stop all users.
    Stop,
    /// Stop all users and end.
    Quit,
    /// Connect anew: something that was sent could not be read.
    Reconnect,
    /// Change a user class.
    UpdateUserClass(Value),
    /// The scripts, or why there are none.
    Locustfile(Value),
    /// Something between scripts.
    Custom(String, Value),
}

/// The users a worker is to have, and how they are to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Seconds since the Unix epoch; a worker ignores what is older than what it has.
    pub timestamp: f64,
    /// All users, by class.
    pub users: Users,
    /// Where requests go.
    pub host: Option<String>,
    /// Seconds that users get to finish their task when they are stopped.
    pub stop_timeout: f64,
    /// The master's options by destination.
    pub options: Value,
}

/// What is the same in many assignments, ready to be sent.
///
/// Thousands of workers get one each, and the options are the better part of it.
#[derive(Clone, Debug)]
pub struct Orders {
    node: String,
    /// The pairs from `host` on.
    rest: Vec<u8>,
}

/// How msgpack begins a map of five pairs.
const MAP_OF_5: u8 = 0x85;

impl Orders {
    /// What a master will say in all assignments.
    pub fn new(host: Option<&str>, stop_timeout: f64, options: &Value, node: &str) -> Self {
        let mut rest = Vec::new();
        write(&mut rest, &"host".into());
        write(&mut rest, &host.map_or(Value::Nil, Value::from));
        write(&mut rest, &"stop_timeout".into());
        write(&mut rest, &stop_timeout.into());
        write(&mut rest, &"parsed_options".into());
        write(&mut rest, options);
        Self {
            node: node.to_owned(),
            rest,
        }
    }

    /// The same bytes that [`Order::Assign`] has as a message.
    pub fn assign(&self, timestamp: f64, users: &Users) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rest.len() + 256);
        bytes.push(ARRAY_OF_3);
        write(&mut bytes, &"spawn".into());
        bytes.push(MAP_OF_5);
        write(&mut bytes, &"timestamp".into());
        write(&mut bytes, &timestamp.into());
        write(&mut bytes, &"user_classes_count".into());
        write(&mut bytes, &users_value(users));
        bytes.extend_from_slice(&self.rest);
        write(&mut bytes, &self.node.as_str().into());
        bytes
    }
}

/// A message that is not what its type says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A statistics report that cannot be read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Another message that cannot be read.
    #[error("a {0:?} without what belongs to it")]
    Content(&'static str),
}

impl Word {
    /// Reads a worker's message; names in it that are new get a number in the registry.
    ///
    /// # Errors
    ///
    /// A [`ProtocolError`] if it is not what its type says.
    pub fn of(message: Message, registry: &Registry) -> Result<Self, ProtocolError> {
        let data = &message.data;
        Ok(match message.kind.as_str() {
            "client_ready" => Self::Ready(match data {
                Value::String(text) if !text.as_bytes().is_empty() => {
                    Version::Of(text.as_str().unwrap_or_default().to_owned())
                }
                data if data.as_i64() == Some(-1) => Version::Any,
                _ => Version::Unsaid,
            }),
            "heartbeat" => Self::Heartbeat {
                state: field(data, "state")
                    .and_then(Value::as_str)
                    .and_then(State::from_word)
                    .ok_or(ProtocolError::Content("heartbeat"))?,
                cpu_percent: field(data, "current_cpu_usage")
                    .and_then(Value::as_f64)
                    .filter(|percent| percent.is_finite())
                    .unwrap_or(0.0),
                memory_bytes: field(data, "current_memory_usage").and_then(Value::as_u64),
                vitals: field(data, EXACT).and_then(vitals),
            },
            "spawning" => Self::Spawning,
            "spawning_complete" => Self::SpawningComplete(users(data, "user_classes_count")),
            "stats" => {
                let Report { stats, is_exact } = report::decode(data, registry)?;
                let ours = field(data, EXACT);
                let stamps = ours.and_then(|ours| field(ours, "stamps"));
                Self::Report {
                    stats,
                    users: users(data, "user_classes_count"),
                    is_exact,
                    number: ours.and_then(|ours| field(ours, "number")?.as_u64()),
                    stamps: stamps.and_then(Stamps::of),
                    has_more: ours.and_then(|ours| field(ours, "more")?.as_bool()) == Some(true),
                }
            }
            "client_stopped" => Self::Stopped,
            "quit" => Self::Quit,
            "exception" => Self::Exception {
                msg: text(data, "msg"),
                traceback: text(data, "traceback"),
            },
            "logs" => Self::Logs(lines(data)),
            EXAMPLES => Self::Examples(example::decode(data, registry)),
            "locustfile" => Self::Locustfile,
            _ => Self::Custom(message.kind, message.data),
        })
    }
}

impl Order {
    /// The order as a message of a master.
    pub fn message(&self, node: &str) -> Message {
        let (kind, data) = match self {
            Self::Welcome {
                index,
                sends_receipts,
            } => {
                let index = index.map_or(Value::Nil, Value::from);
                let mut pairs = vec![("index".into(), index)];
                if *sends_receipts {
                    let ours = vec![("receipts".into(), true.into())];
                    pairs.push((EXACT.into(), Value::Map(ours)));
                }
                ("ack", Value::Map(pairs))
            }
            Self::Assign(assignment) => ("spawn", assignment.value()),
            Self::SpawningComplete(count) => {
                let pairs = vec![("user_count".into(), (*count).into())];
                ("spawning_complete", Value::Map(pairs))
            }
            Self::Heartbeat => ("heartbeat", Value::Nil),
            Self::Receipt(number) => (RECEIPT, (*number).into()),
            Self::Stop => ("stop", Value::Nil),
            Self::Quit => ("quit", Value::Nil),
            Self::Reconnect => ("reconnect", Value::Nil),
            Self::UpdateUserClass(data) => ("update_user_class", data.clone()),
            Self::Locustfile(data) => ("locustfile", data.clone()),
            Self::Custom(kind, data) => (kind.as_str(), data.clone()),
        };
        Message::new(kind, data, node)
    }

    /// Reads a master's message.
    ///
    /// # Errors
    ///
    /// A [`ProtocolError`] if it is not what its type says.
    pub fn of(message: Message) -> Result<Self, ProtocolError> {
        let data = &message.data;
        Ok(match message.kind.as_str() {
            "ack" => Self::Welcome {
                index: field(data, "index")
                    .and_then(Value::as_u64)
                    .and_then(|index| u32::try_from(index).ok()),
                sends_receipts: field(data, EXACT)
                    .and_then(|ours| field(ours, "receipts")?.as_bool())
                    .unwrap_or(false),
            },
            "spawn" => Self::Assign(Assignment::of(data)?),
            "spawning_complete" => Self::SpawningComplete(
                field(data, "user_count")
                    .and_then(Value::as_u64)
                    .and_then(|count| u32::try_from(count).ok())
                    .unwrap_or(0),
            ),
            "heartbeat" => Self::Heartbeat,
            RECEIPT => {
                let number = data.as_u64();
                Self::Receipt(number.ok_or(ProtocolError::Content(RECEIPT))?)
            }
            "stop" => Self::Stop,
            "quit" => Self::Quit,
            "reconnect" => Self::Reconnect,
            "update_user_class" => Self::UpdateUserClass(message.data),
            "locustfile" => Self::Locustfile(message.data),
            _ => Self::Custom(message.kind, message.data),
        })
    }
}

/// The type of a message with failed requests.
pub const EXAMPLES: &str = "katydid_examples";
/// The type of a receipt, which only workers get that number their reports.
const RECEIPT: &str = "katydid_receipt";

impl Assignment {
    fn value(&self) -> Value {
        let host = self.host.as_deref().map_or(Value::Nil, Value::from);
        Value::Map(vec![
            ("timestamp".into(), self.timestamp.into()),
            ("user_classes_count".into(), users_value(&self.users)),
            ("host".into(), host),
            ("stop_timeout".into(), self.stop_timeout.into()),
            ("parsed_options".into(), self.options.clone()),
        ])
    }

    fn of(data: &Value) -> Result<Self, ProtocolError> {
        let number = |key| field(data, key).and_then(Value::as_f64);
        Ok(Self {
            timestamp: number("timestamp").ok_or(ProtocolError::Content("spawn"))?,
            users: users(data, "user_classes_count"),
            host: field(data, "host")
                .and_then(Value::as_str)
                .map(str::to_owned),
            stop_timeout: number("stop_timeout").unwrap_or(0.0),
            options: field(data, "parsed_options").cloned().unwrap_or(Value::Nil),
        })
    }
}

/// Counts of users by class, as Locust sends them.
pub fn users_value(users: &Users) -> Value {
    let pairs = users.iter();
    Value::Map(
        pairs
            .map(|(class, count)| (class.as_str().into(), (*count).into()))
            .collect(),
    )
}

/// What a worker has under way and open, as its heartbeat says under [`EXACT`].
pub fn vitals_value(vitals: &Vitals) -> Value {
    let number = |number: Option<u64>| number.map_or(Value::Nil, Value::from);
    let oldest = vitals.oldest.map(|age| age.as_millis());
    Value::Map(vec![
        ("in_flight".into(), vitals.in_flight.into()),
        (
            "oldest_ms".into(),
            number(oldest.and_then(|age| u64::try_from(age).ok())),
        ),
        ("files".into(), number(vitals.files.map(|files| files.0))),
        (
            "file_limit".into(),
            number(vitals.files.map(|files| files.1)),
        ),
    ])
}

fn vitals(value: &Value) -> Option<Vitals> {
    let number = |key| field(value, key).and_then(Value::as_u64);
    Some(Vitals {
        in_flight: u32::try_from(number("in_flight")?).ok()?,
        oldest: number("oldest_ms").map(Duration::from_millis),
        files: number("files").zip(number("file_limit")),
    })
}

fn users(data: &Value, key: &str) -> Users {
    let pairs = field(data, key).and_then(Value::as_map);
    let pairs = pairs.into_iter().flatten();
    let counts: BTreeMap<_, _> = pairs
        .filter_map(|(class, count)| {
            let count = u32::try_from(count.as_u64()?).ok()?;
            Some((class.as_str()?.to_owned(), count))
        })
        .collect();
    counts
}

fn text(data: &Value, key: &str) -> String {
    let text = field(data, key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn lines(data: &Value) -> Vec<String> {
    let lines = field(data, "logs").and_then(Value::as_array);
    let lines = lines.into_iter().flatten();
    lines
        .filter_map(|line| Some(line.as_str()?.to_owned()))
        .collect()
}
