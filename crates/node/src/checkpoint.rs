//! What a master writes down so that another process can go on where it was killed.
//!
//! It is written after reports were counted and before they get their receipts. So whatever the
//! moment, each report is in the checkpoint or still with its worker, and counts once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use katydid_core::dispatch::{Class, Users};
use katydid_core::registry::Registry;
use katydid_core::series::{IterationPoint, Point, Series};
use katydid_core::snapshot::{Exception, Loss, Rate, State};
use katydid_core::stats::Stats;
use katydid_core::units::{Micros, Nanos};
use katydid_wire::message::field;
use katydid_wire::protocol::users_value;
use katydid_wire::{Message, Value, report};
use thiserror::Error;

use crate::numbers::Numbers;
use crate::record::Second;

const KIND: &str = "checkpoint";
/// Grows when a checkpoint of an earlier version means something else.
const VERSION: u64 = 1;

/// The state of a master's run.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What the run was doing: spawning, running or stopping.
    pub state: State,
    /// Whether users start no new tasks for now.
    pub is_paused: bool,
    /// Where requests go.
    pub host: Option<String>,
    /// When the run was started, in milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// How long it was to last from its start on.
    pub run_time: Option<Duration>,
    /// When it is to end, in milliseconds since the Unix epoch.
    pub ends_ms: Option<u64>,
    /// Users wanted, and how many of them start or stop per second.
    pub users: u32,
    /// See `users`.
    pub spawn_rate: f64,
    /// At what rate iterations begin, once they do.
    pub rate: Option<Rate>,
    /// The classes they are of.
    pub classes: Vec<Class>,
    /// The workers.
    pub workers: Vec<Known>,
    /// Every worker ever seen.
    pub seen: Vec<Reported>,
    /// Everything counted so far.
    pub stats: Arc<Stats>,
    /// What was counted in seconds that may not be among the windows of the run yet.
    pub seconds: Vec<Second>,
    /// One point for each second so far.
    pub series: Arc<Series>,
    /// Exceptions that scripts did not catch.
    pub exceptions: Arc<Vec<Exception>>,
    /// What workers that are gone have not told.
    pub lost: Arc<Vec<Loss>>,
}

/// A worker that the master knew.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// The users it ran, by class.
    pub users: Users,
    /// The users it was to run, by class.
    pub wanted: Users,
}

/// A worker that was ever seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Its id.
    pub id: String,
    /// Its index, which no other worker gets.
    pub index: u32,
    /// Its reports that were counted.
    pub reported: Numbers,
}

/// Bytes that are no checkpoint, or one of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the checkpoint cannot be read: {0}")]
pub struct CheckpointError(&'static str);

impl Checkpoint {
    /// The checkpoint as bytes.
    pub fn encode(&self, registry: &Registry) -> Vec<u8> {
        let maybe = |number: Option<u64>| number.map_or(Value::Nil, Value::from);
        let start = self.stats.total().start.map(Nanos::as_nanos);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut fields: Vec<(Value, Value)> = vec![
            ("version".into(), VERSION.into()),
            ("state".into(), self.state.as_str().into()),
            ("paused".into(), self.is_paused.into()),
            (
                "host".into(),
                self.host.as_deref().map_or(Value::Nil, Value::from),
            ),
            ("started_ms".into(), self.started_ms.into()),
            ("run_time_ms".into(), maybe(self.run_time.map(millis))),
            ("ends_ms".into(), maybe(self.ends_ms)),
            ("users".into(), self.users.into()),
            ("spawn_rate".into(), self.spawn_rate.into()),
            (
                "rate".into(),
                self.rate.as_ref().map_or(Value::Nil, rate_value),
            ),
            ("classes".into(), array(&self.classes, class_value)),
            ("workers".into(), array(&self.workers, known_value)),
            ("seen".into(), array(&self.seen, reported_value)),
            ("start".into(), maybe(start)),
            (
                "series".into(),
                Value::Array(self.series.iter().map(point_value).collect()),
            ),
            (
                "exceptions".into(),
                array(&self.exceptions, exception_value),
            ),
            ("lost".into(), array(&self.lost, loss_value)),
        ];
        let seconds = self.seconds.iter();
        let seconds = seconds.map(|second| second_value(second, registry));
        fields.push(("seconds".into(), Value::Array(seconds.collect())));
        fields.extend(report::encode(&self.stats, registry));
        Message::new(KIND, Value::Map(fields), "master").encode()
    }

    /// Reads a checkpoint; names it has that are new get a number.
    ///
    /// # Errors
    ///
    /// A [`CheckpointError`] that says which part is not as it should be.
    pub fn decode(bytes: &[u8], registry: &Registry) -> Result<Self, CheckpointError> {
        let message = Message::decode(bytes).map_err(|_| CheckpointError("not a message"))?;
        let data = &message.data;
        if message.kind != KIND || number(data, "version") != Some(VERSION) {
            return Err(CheckpointError("it is of another version"));
        }
        let text = |key| field(data, key).and_then(Value::as_str).map(str::to_owned);
        let state = text("state").and_then(|word| State::from_word(&word));
        let counted = report::decode(data, registry);
        let counted = counted.map_err(|_| CheckpointError("statistics"))?;
        let since = number(data, "start").map_or(Nanos::ZERO, Nanos::from_nanos);
        let mut all = Stats::starting(since);
        all.merge(&counted.stats);
        let mut series = Series::default();
        for point in list(data, "series", point_of)? {
            series.push(point);
        }
        let started_ms = number(data, "started_ms").ok_or(CheckpointError("started_ms"))?;
        // Those of an earlier version have no seconds, and no rate.
        let rate = field(data, "rate").filter(|value| !value.is_nil());
        let seconds = field(data, "seconds").and_then(Value::as_array);
        let seconds = seconds.into_iter().flatten();
        let seconds = seconds.map(|value| second_of(value, started_ms, registry));
        Ok(Self {
            seconds: seconds
                .collect::<Option<_>>()
                .ok_or(CheckpointError("seconds"))?,
            state: state.ok_or(CheckpointError("state"))?,
            is_paused: field(data, "paused").and_then(Value::as_bool) == Some(true),
            host: text("host"),
            started_ms,
            run_time: number(data, "run_time_ms").map(Duration::from_millis),
            ends_ms: number(data, "ends_ms"),
            users: number(data, "users")
                .and_then(|users| u32::try_from(users).ok())
                .ok_or(CheckpointError("users"))?,
            spawn_rate: field(data, "spawn_rate")
                .and_then(Value::as_f64)
                .ok_or(CheckpointError("spawn_rate"))?,
            rate: rate
                .map(|value| rate_of(value).ok_or(CheckpointError("rate")))
                .transpose()?,
            classes: list(data, "classes", class_of)?,
            workers: list(data, "workers", known_of)?,
            seen: list(data, "seen", reported_of)?,
            stats: Arc::new(all),
            series: Arc::new(series),
            exceptions: Arc::new(list(data, "exceptions", exception_of)?),
            lost: Arc::new(list(data, "lost", loss_of)?),
        })
    }
}

fn array<T>(items: &[T], value: impl FnMut(&T) -> Value) -> Value {
    Value::Array(items.iter().map(value).collect())
}

fn number(data: &Value, key: &str) -> Option<u64> {
    field(data, key)?.as_u64()
}

fn list<T>(
    data: &Value,
    key: &'static str,
    item: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, CheckpointError> {
    let items = field(data, key).and_then(Value::as_array);
    let items = items.ok_or(CheckpointError(key))?.iter().map(item);
    items.collect::<Option<_>>().ok_or(CheckpointError(key))
}

/// What was counted in a second as a worker would report it, with when that was and the users there were.
fn second_value(second: &Second, registry: &Registry) -> Value {
    let mut fields = vec![
        ("t".into(), second.t.into()),
        ("users".into(), second.users.into()),
        ("wanted".into(), second.wanted.into()),
    ];
    fields.extend(report::encode(&second.stats, registry));
    Value::Map(fields)
}

fn second_of(value: &Value, started_ms: u64, registry: &Registry) -> Option<Second> {
    let users = |key| u32::try_from(number(value, key)?).ok();
    Some(Second {
        started_ms,
        t: number(value, "t")?,
        users: users("users")?,
        wanted: users("wanted")?,
        stats: report::decode(value, registry).ok()?.stats,
    })
}

fn rate_value(rate: &Rate) -> Value {
    Value::Array(vec![
        rate.schedule.to_string().into(),
        rate.most_users.map_or(Value::Nil, Value::from),
        rate.since_ms.into(),
        rate.paused_ms.map_or(Value::Nil, Value::from),
    ])
}

fn rate_of(value: &Value) -> Option<Rate> {
    let [schedule, most_users, since_ms, paused_ms] = value.as_array()?.as_slice() else {
        return None;
    };
    Some(Rate {
        schedule: schedule.as_str()?.parse().ok()?,
        most_users: match most_users {
            Value::Nil => None,
            number => Some(u32::try_from(number.as_u64()?).ok()?),
        },
        since_ms: since_ms.as_u64()?,
        paused_ms: match paused_ms {
            Value::Nil => None,
            number => Some(number.as_u64()?),
        },
    })
}

fn class_value(class: &Class) -> Value {
    Value::Array(vec![
        class.name.as_str().into(),
        class.weight.into(),
        class.fixed_count.into(),
    ])
}

fn class_of(value: &Value) -> Option<Class> {
    let [name, weight, fixed_count] = value.as_array()?.as_slice() else {
        return None;
    };
    Some(Class {
        name: name.as_str()?.to_owned(),
        weight: weight.as_f64()?,
        fixed_count: u32::try_from(fixed_count.as_u64()?).ok()?,
    })
}

fn known_value(known: &Known) -> Value {
    Value::Array(vec![
        known.id.as_str().into(),
        users_value(&known.users),
        users_value(&known.wanted),
    ])
}

fn known_of(value: &Value) -> Option<Known> {
    let [id, users, wanted] = value.as_array()?.as_slice() else {
        return None;
    };
    Some(Known {
        id: id.as_str()?.to_owned(),
        users: users_of(users)?,
        wanted: users_of(wanted)?,
    })
}

fn users_of(value: &Value) -> Option<Users> {
    let pairs = value.as_map()?.iter();
    let user = |(class, count): &(Value, Value)| {
        let count = u32::try_from(count.as_u64()?).ok()?;
        Some((class.as_str()?.to_owned(), count))
    };
    pairs.map(user).collect()
}

fn reported_value(seen: &Reported) -> Value {
    Value::Array(vec![
        seen.id.as_str().into(),
        seen.index.into(),
        seen.reported.up_to().into(),
        Value::Array(seen.reported.beyond().map(Value::from).collect()),
    ])
}

fn reported_of(value: &Value) -> Option<Reported> {
    let [id, index, up_to, beyond] = value.as_array()?.as_slice() else {
        return None;
    };
    Some(Reported {
        id: id.as_str()?.to_owned(),
        index: u32::try_from(index.as_u64()?).ok()?,
        reported: Numbers::new(
            up_to.as_u64()?,
            beyond.as_array()?.iter().filter_map(Value::as_u64),
        ),
    })
}

/// Second, counts and users, then the times, nil where there were none, and the iterations.
fn point_value(point: &Point) -> Value {
    let counts = [
        point.t,
        point.ok,
        point.failed,
        point.users.into(),
        point.target.into(),
    ];
    let times = [
        point.p50,
        point.p90,
        point.p95,
        point.p99,
        point.lateness_p99,
    ];
    let iterations = &point.iterations;
    let started = [
        iterations.due,
        iterations.started,
        iterations.late,
        iterations.dropped,
    ];
    let lateness = [
        iterations.lateness_p50,
        iterations.lateness_p99,
        iterations.lateness_max,
    ];
    let time = |time: Option<Micros>| time.map_or(Value::Nil, |time| time.as_micros().into());
    let all = counts.map(Value::from).into_iter().chain(times.map(time));
    let all = all.chain(started.map(Value::from));
    Value::Array(all.chain(lateness.map(time)).collect())
}

fn point_of(value: &Value) -> Option<Point> {
    let [t, ok, failed, users, target, times @ ..] = value.as_array()?.as_slice() else {
        return None;
    };
    let time = |place: usize| {
        let micros = times.get(place)?.as_u64()?;
        Some(Micros::from_micros(micros))
    };
    // Checkpoints of older versions have none.
    let count = |place: usize| times.get(place).and_then(Value::as_u64).unwrap_or(0);
    Some(Point {
        t: t.as_u64()?,
        ok: ok.as_u64()?,
        failed: failed.as_u64()?,
        users: u32::try_from(users.as_u64()?).ok()?,
        target: u32::try_from(target.as_u64()?).ok()?,
        p50: time(0),
        p90: time(1),
        p95: time(2),
        p99: time(3),
        lateness_p99: time(4),
        iterations: IterationPoint {
            due: count(5),
            started: count(6),
            late: count(7),
            dropped: count(8),
            lateness_p50: time(9),
            lateness_p99: time(10),
            lateness_max: time(11),
        },
    })
}

fn loss_value(loss: &Loss) -> Value {
    Value::Array(vec![
        loss.worker.as_str().into(),
        loss.users.into(),
        loss.from_ms.into(),
        loss.until_ms.into(),
        loss.requests.into(),
    ])
}

fn loss_of(value: &Value) -> Option<Loss> {
    let [worker, users, from_ms, until_ms, requests] = value.as_array()?.as_slice() else {
        return None;
    };
    Some(Loss {
        worker: worker.as_str()?.to_owned(),
        users: u32::try_from(users.as_u64()?).ok()?,
        from_ms: from_ms.as_u64()?,
        until_ms: until_ms.as_u64()?,
        requests: requests.as_u64()?,
    })
}

fn exception_value(exception: &Exception) -> Value {
    let nodes = exception.nodes.iter().map(|node| node.as_str().into());
    Value::Array(vec![
        exception.count.into(),
        exception.msg.as_str().into(),
        exception.traceback.as_str().into(),
        Value::Array(nodes.collect()),
    ])
}

fn exception_of(value: &Value) -> Option<Exception> {
    let [count, msg, traceback, nodes] = value.as_array()?.as_slice() else {
        return None;
    };
    let nodes = nodes.as_array()?.iter();
    let nodes: Option<BTreeSet<_>> = nodes.map(|node| Some(node.as_str()?.to_owned())).collect();
    Some(Exception {
        count: count.as_u64()?,
        msg: msg.as_str()?.to_owned(),
        traceback: traceback.as_str()?.to_owned(),
        nodes: nodes?,
    })
}
