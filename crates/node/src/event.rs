//! What can happen to a run, and what follows from it.

use std::time::Duration;

use katydid_core::arrival::Schedule;
use katydid_core::dispatch::{Class, Users};
use katydid_core::mark;
use katydid_core::registry::KeyId;
use katydid_core::snapshot::State;
use katydid_core::stats::Stats;
use katydid_core::threshold::Threshold;
use katydid_core::units::Nanos;
use katydid_wire::protocol::{Order, Word};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A run is to start, or the number of users of a running one is to change. What was counted
    /// before stays, unless [`Event::ClearStats`] comes first.
    Start {
        /// How many users are wanted.
        users: u32,
        /// How many of them start or stop per second.
        spawn_rate: f64,
        /// The classes they are of.
        classes: Vec<Class>,
        /// How long the run lasts from now on; none leaves it as it is.
        run_time: Option<Duration>,
        /// Where requests go, to be shown.
        host: Option<String>,
    },
    /// The next [`Event::Start`] is to give also the users there are to its classes, at once.
    Rebalance,
    /// Iterations begin by this schedule from now on, on so many users at most; or again when users
    /// like. It follows the [`Event::Start`] of a run.
    Rate(Option<(Schedule, Option<u32>)>),
    /// How long the run lasts from now on, or that it lasts until it is stopped.
    RunTime(Option<Duration>),
    /// The host has carried out a [`Action::Spawn`] or [`Action::StopUsers`]; all users it has.
    Spawned {
        /// How many users of each class there are.
        counts: Users,
    },
    /// The host has begun to stop all users.
    Stopping,
    /// The host of a master has begun to end: its workers are to end too.
    Quitting,
    /// The host has no users any more.
    Stopped,
    /// The host says what state it is in.
    State(State),
    /// Requests were counted since the last time.
    Samples(Stats),
    /// A script did not catch an exception.
    Exception {
        /// Where it ran.
        node: String,
        /// The exception as text.
        msg: String,
        /// Where it was raised.
        traceback: String,
    },
    /// Forget what was counted, names included.
    ClearStats,
    /// Forget what was counted but keep the names.
    ResetStats,
    /// Forget what was counted under one name, but not in the total.
    ResetEntry(KeyId),
    /// What the process uses.
    Load {
        /// Processor time, 100 for one core.
        cpu_percent: f64,
        /// Memory in bytes.
        memory_bytes: u64,
        /// Open files, and how many there may be, where the system tells.
        files: Option<(u64, u64)>,
    },
    /// Requests that were sent and have no answer yet.
    InFlight {
        /// How many.
        count: u32,
        /// How long the oldest of them has been waiting.
        oldest: Option<Duration>,
    },
    /// Something worth remembering has happened, at this moment.
    Mark {
        /// What it is about.
        kind: mark::Kind,
        /// What happened, in words.
        text: String,
        /// Who did it, if a person is known to have.
        by: Option<String>,
    },
    /// Who starts, changes or stops the run from now on, if a person is known to; until it is said again.
    Author(Option<String>),
    /// What runs are judged by from now on.
    Thresholds(Vec<Threshold>),
    /// A worker said something.
    Worker(String, Word),
    /// A worker's connection has ended; it may come back.
    Unconnected(String),
    /// Somebody who wanted to be a worker was refused.
    Stranger,
    /// The host is ready to go on with the run of [`crate::checkpoint`].
    GoOn,
    /// What was taken with [`crate::run::Node::take_checkpoint`] is written down.
    Saved,
    /// Time has passed.
    Tick,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Start so many users of each class besides those there are.
    Spawn(Users),
    /// Stop so many users of each class.
    StopUsers(Users),
    /// All users that were wanted are there.
    SpawningComplete {
        /// How many.
        users: u32,
    },
    /// The run has lasted as long as it was to.
    RunTimeReached,
    /// The state is worth showing.
    Publish,
    /// All users a worker is to have from now on.
    Assign(String, Users),
    /// Something else for a worker.
    Order(String, Order),
    /// Something the host may tell the script and its user.
    Notice(Notice),
}

/// What happens to a master's workers.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A worker is ready, perhaps again: its index, and how many are connected.
    WorkerReady {
        /// Which.
        worker: String,
        /// Its index.
        index: u32,
        /// How many workers there are.
        workers: u32,
    },
    /// A worker was not heard of for too long: the users it had, and about how many requests it
    /// has not told of.
    WorkerMissing(String, u32, u64),
    /// A worker's response times have only Locust's two digits.
    Rounded(String),
    /// What a worker had not told when it was given up is here.
    NothingLost(String),
    /// A worker that was missing is there again.
    WorkerBack(String),
    /// A worker of a run that another process has begun is heard of, and may have missed what was said since.
    WorkerHeard(String),
    /// A worker's clock is so many milliseconds ahead of ours, or behind if negative.
    ClockOff(String, i64),
    /// A worker has ended by itself; how many are left.
    WorkerQuit(String, u32),
    /// The last worker is gone while there was a test.
    NoWorkersLeft,
    /// Users are being placed on so many workers: users in all, their rate, and the workers.
    Placing(u32, f64, u32),
}

/// The time at which an event is handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Since some moment before the first event; never goes back.
    pub monotonic: Duration,
    /// Since the Unix epoch.
    pub epoch: Duration,
}

impl Now {
    /// The wall clock as statistics use it.
    pub fn nanos(self) -> Nanos {
        self.epoch.into()
    }

    /// The wall clock in milliseconds.
    pub fn millis(self) -> u64 {
        self.nanos().as_millis()
    }
}
