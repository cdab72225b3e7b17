//! The part of this process in a fleet: a master and the threads it needs, or a worker and its link.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use katydid_core::calendar::run_id;
use katydid_core::snapshot::State;
use katydid_node::checkpoint::Checkpoint;
use katydid_node::fleet::{self, Heard, Outgoing};
use katydid_node::link::{self, Address, Command, Told};
use katydid_node::run::Node;
use katydid_node::{Notice, master};
use katydid_store::Store;
use katydid_wire::{Router, Trust};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::journal;
use crate::scribe::Scribe;
use crate::service::Tasks;
use crate::vital;

/// Where the node's orders for workers go, once there are any.
pub type Orders = Arc<OnceLock<mpsc::UnboundedSender<Outgoing>>>;

/// What other nodes do that the host has to know.
#[derive(Debug)]
pub enum News {
    /// Something about a master's workers.
    Notice(Notice),
    /// A master has heard something of a worker.
    Heard(Heard),
    /// A worker's link tells something.
    Told(Told),
    /// The master has everything that this worker counted.
    Finished,
    /// The store cannot be written to, for this reason.
    NotWritten(String),
    /// The run is not kept, and why.
    NotKept(String),
}

/// Takes news on whatever thread they come from; must not wait.
pub type Tell = Arc<dyn Fn(News) + Send + Sync>;

/// What a master that is about to begin writes to, and what it found there.
pub struct Kept {
    store: Store,
    run: String,
    found: Option<Checkpoint>,
}

impl Kept {
    /// Opens the store for a run of this name, and finds what another process left of it at most
    /// `oldest` ago.
    ///
    /// # Errors
    ///
    /// In words, if the store cannot be opened or what it holds cannot be read.
    pub fn open(path: &Path, run: String, oldest: Duration, node: &Node) -> Result<Self, String> {
        let store = Store::open(path).map_err(|error| error.to_string())?;
        let found = store.checkpoint(&run).map_err(|error| error.to_string())?;
        let now = node.now();
        let found = found.filter(|found| {
            let age = now.as_millis().saturating_sub(found.at_ms);
            Duration::from_millis(age) <= oldest
        });
        let found = found.map(|found| Checkpoint::decode(&found.state, node.registry()));
        let mut found = found.transpose().map_err(|error| error.to_string())?;
        if let Some(found) = &mut found {
            // Seconds are written in their order.
            let written = store.span(&run_id(found.started_ms));
            let written = written.map_err(|error| error.to_string())?;
            let next = written.map_or(0, |(_, next)| next);
            found.seconds.retain(|second| second.t >= next);
        }
        Ok(Self { store, run, found })
    }
}

/// Where a master listens, and to whom.
pub struct Listen<'a> {
    /// An address of this machine, `*` for all.
    pub host: &'a str,
    /// The port, 0 for any free one.
    pub port: u16,
    /// Who may join.
    pub trust: Trust,
}

/// A master that serves its workers.
pub struct Master {
    /// What it shares with the task that serves them.
    pub desk: Arc<fleet::Desk>,
    /// The port it got.
    pub port: u16,
    /// The run of another process that it goes on with.
    pub resumed: Option<Box<Checkpoint>>,
    journal: Option<Scribe>,
}

impl Master {
    /// Makes a node a master, which serves its workers on a thread of its own.
    ///
    /// # Errors
    ///
    /// If it cannot listen, or a thread cannot be started.
    pub fn lead(
        node: &Arc<Node>,
        (tasks, orders): (&Tasks, &Orders),
        listen: Listen<'_>,
        timings: master::Timings,
        kept: Option<Kept>,
        tell: &Tell,
    ) -> io::Result<Self> {
        // Thousands of workers must not keep the page's server from answering.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let router = {
            // Sockets belong to the runtime they are made in.
            let _runtime = runtime.enter();
            Router::bind(listen.host, listen.port, listen.trust)?
        };
        let port = router.port();
        let told = Arc::clone(tell);
        let desk = Arc::new(fleet::Desk::new(move |heard| told(News::Heard(heard))));
        let (sender, outgoing) = mpsc::unbounded_channel();
        orders.set(sender).ok();
        let (writes, resumed) = match kept {
            Some(Kept { store, run, found }) => (Some((store, run)), found),
            None => (None, None),
        };
        node.lead(timings, resumed.clone());
        let journal = writes.map(|(store, run)| {
            let tell = Arc::clone(tell);
            journal::start(Arc::clone(node), store, run, move |why| {
                tell(News::NotWritten(why));
            })
        });
        let journal = journal.transpose()?;
        let cancelled = tasks.cancelled.child_token();
        let (ended, end) = oneshot::channel::<()>();
        let (served, shared) = (Arc::clone(node), Arc::clone(&desk));
        vital::thread("katydid-fleet", move || {
            runtime.block_on(fleet::serve(served, router, outgoing, shared, cancelled));
            drop(ended);
        })?;
        // The process waits for this thread as it does for the other's tasks.
        tasks.spawn("the end of the fleet", async move {
            end.await.ok();
        });
        Ok(Self {
            desk,
            port,
            resumed: resumed.map(Box::new),
            journal,
        })
    }

    /// Waits until what has happened so far is written down, if it is.
    pub fn flush(&self) {
        if let Some(journal) = &self.journal {
            journal.flush();
            // Does nothing, unless the first could not write while somebody else did.
            journal.flush();
        }
    }
}

/// A worker's link to its master.
pub struct Link {
    /// What it shares with the task that keeps in touch.
    pub desk: Arc<link::Desk>,
    commands: mpsc::UnboundedSender<Command>,
    tasks: Tasks,
    tell: Tell,
}

impl Link {
    /// Makes a node a worker, which looks for its master from now on.
    pub fn follow(
        node: &Arc<Node>,
        tasks: &Tasks,
        address: Address,
        timings: link::Timings,
        tell: &Tell,
    ) -> Self {
        let told = Arc::clone(tell);
        let desk = Arc::new(link::Desk {
            state: Mutex::new(State::Ready),
            wants_reports: AtomicBool::new(false),
            tell: Box::new(move |it| told(News::Told(it))),
        });
        let (commands, taken) = mpsc::unbounded_channel();
        let cancelled = tasks.cancelled.child_token();
        let following = link::follow(
            Arc::clone(node),
            address,
            timings,
            taken,
            Arc::clone(&desk),
            cancelled,
        );
        tasks.spawn("the link to the master", following);
        Self {
            desk,
            commands,
            tasks: tasks.clone(),
            tell: Arc::clone(tell),
        }
    }

    /// Has the link do something.
    pub fn command(&self, command: Command) {
        // A link that has ended has told so.
        self.commands.send(command).ok();
    }

    /// Reports what is left; [`News::Finished`] says that the master has it.
    pub fn finish(&self) {
        let (sender, finished) = oneshot::channel();
        self.command(Command::Finish(sender));
        let tell = Arc::clone(&self.tell);
        self.tasks.spawn("the last report", async move {
            // Also when the link is gone: there is nothing to wait for then.
            finished.await.ok();
            tell(News::Finished);
        });
    }
}
