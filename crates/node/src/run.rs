//! Drives a node in earnest: the only place here that reads a clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use katydid_core::registry::Registry;
use katydid_core::snapshot::Snapshot;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::event::{Action, Event, Now};
use crate::load;
use crate::local::Local;

/// Takes the actions of a node, in order.
///
/// It is called while the node is locked: it must not wait and must not call the node.
pub type Outbox = Box<dyn Fn(Action) + Send + Sync>;

/// A run, its clock, and those who watch it.
pub struct Node {
    local: Mutex<Local>,
    clock: Clock,
    outbox: Outbox,
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// The next deadline may be earlier than the driver knows.
    sooner: Notify,
}

/// Tells the time since it was made, and the wall clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    origin: Instant,
}

impl Node {
    /// A node that is ready, its actions going to `outbox`.
    pub fn new(registry: Arc<Registry>, outbox: Outbox) -> Self {
        let clock = Clock::start();
        let local = Local::new(registry, clock.now());
        let first = Arc::new(local.snapshot(clock.now()));
        Self {
            local: Mutex::new(local),
            clock,
            outbox,
            snapshots: watch::Sender::new(first),
            sooner: Notify::new(),
        }
    }

    /// Hands in an event and passes on what follows from it, on the calling thread.
    pub fn send(&self, event: Event) {
        let mut local = self.local.lock();
        let before = local.deadline();
        let now = self.clock.now();
        let mut publish = false;
        for action in local.handle(event, now) {
            match action {
                Action::Publish => publish = true,
                action => (self.outbox)(action),
            }
        }
        if publish {
            self.snapshots.send_replace(Arc::new(local.snapshot(now)));
        }
        if local.deadline() < before {
            self.sooner.notify_one();
        }
    }

    /// Looks at the state as it is now; the node is locked meanwhile.
    pub fn read<T>(&self, look: impl FnOnce(&Local) -> T) -> T {
        look(&self.local.lock())
    }

    /// The pictures published from now on, and the last one before.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    /// A picture of this moment, which only the caller gets.
    pub fn snapshot_now(&self) -> Arc<Snapshot> {
        Arc::new(self.local.lock().snapshot(self.clock.now()))
    }

    /// Keeps the node going until it is cancelled: its deadlines and what the process uses.
    pub async fn drive(self: Arc<Self>, cancelled: CancellationToken) {
        let mut meter = Meter::new(self.clock.now());
        loop {
            let wait = self.until_deadline();
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = self.sooner.notified() => continue,
                () = tokio::time::sleep(wait) => {}
            }
            if let Some(load) = meter.read(self.clock.now()) {
                self.send(load);
            }
            self.send(Event::Tick);
        }
    }

    fn until_deadline(&self) -> Duration {
        let deadline = self.local.lock().deadline();
        deadline.map_or(Duration::MAX, |at| {
            at.saturating_sub(self.clock.now().monotonic)
        })
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
        }
    }

    fn now(self) -> Now {
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Now {
            monotonic: self.origin.elapsed(),
            epoch: epoch.unwrap_or_default(),
        }
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
        })
    }
}
