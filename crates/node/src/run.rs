//! Drives a node in earnest: the only place here that reads a clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use katydid_core::mark::Kind;
use katydid_core::registry::Registry;
use katydid_core::snapshot::{RunInfo, Snapshot};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::checkpoint::Checkpoint;
use crate::event::{Action, Event, Now};
use crate::load;
use crate::local::Local;
use crate::master::{Master, Timings};
use crate::record::Recorded;

/// Takes the actions of a node, in order.
///
/// It is called while the node is locked: it must not wait and must not call the node.
pub type Outbox = Box<dyn Fn(Action) + Send + Sync>;

/// A run, its clock, and those who watch it.
pub struct Node {
    role: Mutex<Role>,
    registry: Arc<Registry>,
    clock: Clock,
    outbox: Outbox,
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// The next deadline may be earlier than the driver knows.
    sooner: Notify,
}

/// The part that this process plays in a run.
#[derive(Debug)]
pub enum Role {
    /// Its users run here: alone, or as a worker's.
    Local(Box<Local>),
    /// Its users run on workers.
    Master(Box<Master>),
}

/// Tells the time since it was made, and what the wall clock would show if nobody had set it since:
/// a run's seconds follow one after the other, whatever happens to that clock. Requests are stamped
/// the same way.
#[derive(Clone, Copy, Debug)]
struct Clock {
    origin: Instant,
    /// What the wall clock showed then.
    epoch: Duration,
}

impl Node {
    /// A node that is ready, its actions going to `outbox`.
    pub fn new(registry: Arc<Registry>, outbox: Outbox) -> Self {
        let clock = Clock::start();
        let local = Local::new(Arc::clone(&registry), clock.now());
        let first = Arc::new(local.snapshot(clock.now()));
        Self {
            role: Mutex::new(Role::Local(Box::new(local))),
            registry,
            clock,
            outbox,
            snapshots: watch::Sender::new(first),
            sooner: Notify::new(),
        }
    }

    /// Hands in an event and passes on what follows from it, on the calling thread.
    pub fn send(&self, event: Event) {
        let mut role = self.role.lock();
        let before = role.deadline();
        let now = self.clock.now();
        let mut publish = false;
        for action in role.handle(event, now) {
            match action {
                Action::Publish => publish = true,
                action => (self.outbox)(action),
            }
        }
        if publish {
            self.snapshots.send_replace(Arc::new(role.snapshot(now)));
        }
        if role.deadline() < before {
            self.sooner.notify_one();
        }
    }

    /// Makes this process a master, which has no workers yet. What was counted is forgotten.
    ///
    /// With a checkpoint it goes on with a run of another process, once [`Event::GoOn`] comes.
    pub fn lead(&self, timings: Timings, from: Option<Checkpoint>) {
        let (registry, now) = (Arc::clone(&self.registry), self.clock.now());
        let master = match from {
            Some(from) => Master::going_on(registry, timings, from, now),
            None => Master::new(registry, timings, now),
        };
        *self.role.lock() = Role::Master(Box::new(master));
        self.sooner.notify_one();
    }

    /// Has this master's reports get their receipts only once they are written down.
    pub fn keep_journal(&self) {
        if let Role::Master(master) = &mut *self.role.lock() {
            master.keep_journal();
        }
    }

    /// What is to be written down, with [`Event::Saved`] once it is; none if nothing changed.
    pub fn take_checkpoint(&self) -> Option<Checkpoint> {
        match &mut *self.role.lock() {
            Role::Master(master) => master.take_checkpoint(self.clock.now()),
            Role::Local(_) => None,
        }
    }

    /// Has the seconds from now on kept for [`Node::take_record`].
    pub fn keep_record(&self) {
        self.role.lock().book_mut().record.keep();
    }

    /// What is to be kept of the run: the seconds that are over since this was last called, or with
    /// `all` also those that are not.
    pub fn take_record(&self, all: bool) -> Recorded {
        self.role.lock().book_mut().take_record(all)
    }

    /// Has what is counted from now on kept for [`Node::take_unsent`] too.
    pub fn follow(&self) {
        if let Role::Local(local) = &mut *self.role.lock() {
            local.keep_unsent();
            self.registry.faults().keep_unsent();
        }
    }

    /// What a worker has counted since this was last called, second by second.
    pub fn take_unsent(&self) -> Vec<Stats> {
        match &mut *self.role.lock() {
            Role::Local(local) => local.take_unsent(),
            Role::Master(_) => Vec::new(),
        }
    }

    /// The names and errors that statistics refer to.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The wall clock as statistics use it.
    pub fn now(&self) -> Nanos {
        self.clock.now().nanos()
    }

    /// Looks at the state as it is now; the node is locked meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&Role) -> T) -> T {
        look(&self.role.lock())
    }

    /// The pictures published from now on, and the last one before.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    /// A picture of this moment, which only the caller gets.
    pub fn snapshot_now(&self) -> Arc<Snapshot> {
        Arc::new(self.role.lock().snapshot(self.clock.now()))
    }

    /// Keeps the node going until it is cancelled: its deadlines and what the process uses.
    pub async fn drive(self: Arc<Self>, cancelled: CancellationToken) {
        let mut meter = Meter::new(self.clock.now());
        let mut watch = Watch::default();
        loop {
            let wait = self.until_deadline();
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = self.sooner.notified() => continue,
                () = tokio::time::sleep(wait) => {}
            }
            if let Some(load) = meter.read(self.clock.now()) {
                self.send(load);
                if let Some(text) = watch.look(wall(), self.clock.now().epoch) {
                    let kind = Kind::Health;
                    self.send(Event::Mark {
                        kind,
                        text,
                        by: None,
                    });
                }
            }
            self.send(Event::Tick);
        }
    }

    fn until_deadline(&self) -> Duration {
        let deadline = self.role.lock().deadline();
        deadline.map_or(Duration::MAX, |at| {
            at.saturating_sub(self.clock.now().monotonic)
        })
    }
}

impl Role {
    fn book_mut(&mut self) -> &mut Book {
        match self {
            Self::Local(local) => &mut local.book,
            Self::Master(master) => &mut master.book,
        }
    }

    /// State and settings of the run.
    pub fn run(&self) -> &RunInfo {
        match self {
            Self::Local(local) => local.run(),
            Self::Master(master) => master.run(),
        }
    }

    fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        match self {
            Self::Local(local) => local.handle(event, now),
            Self::Master(master) => master.handle(event, now),
        }
    }

    fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Local(local) => local.deadline(),
            Self::Master(master) => master.deadline(),
        }
    }

    fn snapshot(&self, now: Now) -> Snapshot {
        match self {
            Self::Local(local) => local.snapshot(now),
            Self::Master(master) => master.snapshot(now),
        }
    }
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is one of the two homes of the clock"
    )]
    fn start() -> Self {
        Self {
            origin: Instant::now(),
            epoch: wall(),
        }
    }

    fn now(self) -> Now {
        let monotonic = self.origin.elapsed();
        Now {
            monotonic,
            epoch: self.epoch.saturating_add(monotonic),
        }
    }
}

/// What the wall clock shows.
fn wall() -> Duration {
    let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    epoch.unwrap_or_default()
}

/// Notices when the wall clock is set.
#[derive(Debug, Default)]
struct Watch {
    /// By how many seconds the wall clock was ahead when that was last told of.
    told: i64,
}

impl Watch {
    /// In words, what has happened to the wall clock since the last time; small steps are none.
    fn look(&mut self, wall: Duration, steady: Duration) -> Option<String> {
        /// What is told of; a clock that is kept by others is corrected by less.
        const STEP: u64 = 5;
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let ahead = seconds(wall).saturating_sub(seconds(steady));
        let step = ahead.saturating_sub(self.told);
        if step.unsigned_abs() < STEP {
            return None;
        }
        self.told = ahead;
        let way = if step < 0 { "back" } else { "forward" };
        Some(format!(
            "This machine's clock was set {way} by {} seconds; the times of this run go on as if it had not been.",
            step.unsigned_abs()
        ))
    }
}

/// Measures what the process uses from one second to the next.
struct Meter {
    since: Duration,
    cpu_time: Duration,
}

impl Meter {
    fn new(now: Now) -> Self {
        Self {
            since: now.monotonic,
            cpu_time: load::cpu_time(),
        }
    }

    /// The load since the last reading, if that is long enough ago to mean something.
    fn read(&mut self, now: Now) -> Option<Event> {
        let passed = now.monotonic.saturating_sub(self.since);
        if passed < Duration::from_millis(900) {
            return None;
        }
        let next = Self::new(now);
        let used = next.cpu_time.saturating_sub(self.cpu_time);
        *self = next;
        let cpu_percent = used.as_secs_f64() / passed.as_secs_f64() * 100.0;
        Some(Event::Load {
            cpu_percent,
            memory_bytes: load::memory(),
            files: load::files(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_told_of_once() {
        let mut watch = Watch::default();
        let at = Duration::from_secs;
        assert_eq!(watch.look(at(10_001), at(10_000)), None);
        let back = watch.look(at(6_402), at(10_002)).unwrap();
        assert!(back.contains("set back by 3600 seconds"), "{back}");
        assert_eq!(watch.look(at(6_403), at(10_003)), None);
        let again = watch.look(at(10_004), at(10_004)).unwrap();
        assert!(again.contains("set forward by 3600 seconds"), "{again}");
    }
}
