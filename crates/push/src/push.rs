//! The thread that makes reports and has them sent.

use std::io;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use bytes::Bytes;
use katydid_core::snapshot::Snapshot;
use katydid_node::run::Node;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::course::Course;
use crate::deliver::{Datagrams, Delivery, Way, words};
use crate::interval::{Counted, Interval};
use crate::otlp::Teller;
use crate::post::Poster;
use crate::queue::{Queue, Report};
use crate::settings::{Settings, Statsd};
use crate::{influx, statsd};

/// How much something that is told matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Reports are lost, or will be.
    Warning,
}

/// Hears, on the pushing thread, what the log is to say.
pub type Tell = Arc<dyn Fn(Level, String) + Send + Sync>;

/// Tells a node's metrics to collectors, on a thread of its own, until it is finished or dropped.
pub struct Push {
    finish: mpsc::UnboundedSender<Finish>,
}

/// The last report is to be made now and sent within a time; then the answer.
struct Finish {
    within: Duration,
    done: blocking::Sender<()>,
}

/// One collector.
struct Outlet {
    name: String,
    format: Format,
    queue: Arc<Queue>,
    course: Arc<Mutex<Course>>,
    ending: Arc<Notify>,
}

/// What a collector's reports are written in.
enum Format {
    Otlp(Box<Teller>),
    Influx(Tags),
    Statsd(Box<Statsd>, Tags),
}

type Tags = Vec<(String, String)>;

impl Push {
    /// Begins to tell.
    ///
    /// # Errors
    ///
    /// Where a thread cannot be started, or a certificate that is to be trusted cannot be read.
    pub fn start(node: Arc<Node>, settings: Settings, tell: Tell) -> io::Result<Self> {
        let every = settings.interval;
        let (outlets, deliveries) = outlets(settings, &tell)?;
        let (finish, finishes) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let work = move || {
            runtime.block_on(work(&node, every, outlets, deliveries, finishes, &tell));
            // A name that is still being looked up must not keep the thread.
            runtime.shutdown_background();
        };
        std::thread::Builder::new()
            .name("katydid-push".into())
            .spawn(work)?;
        Ok(Self { finish })
    }

    /// Sends how things stand now, as the last report, and waits until all reports have arrived, at most so
    /// long. Nothing is sent after that.
    pub fn finish(&self, within: Duration) {
        let (done, answer) = blocking::channel();
        if self.finish.send(Finish { within, done }).is_ok() {
            // It is told in any case; the rest is for a thread that hangs.
            answer.recv_timeout(within * 2).ok();
        }
    }
}

/// The collectors of the settings, and what brings reports to each.
fn outlets(settings: Settings, tell: &Tell) -> io::Result<(Vec<Outlet>, Vec<Delivery>)> {
    let tags = settings.tags;
    let mut found = Vec::new();
    let poster = |address, is_otlp, gzip| {
        let poster = Poster::new(address, is_otlp, gzip).map_err(io::Error::other)?;
        Ok::<_, io::Error>(Way::Post(Box::new(poster)))
    };
    if let Some(otlp) = settings.otlp {
        let name = format!("the OTLP collector at {}", otlp.address.shown());
        let resource = [otlp.resource, tags.clone()].concat();
        let format = Format::Otlp(Box::new(Teller::new(resource)));
        found.push((name, format, poster(otlp.address, true, otlp.gzip)?));
    }
    if let Some(address) = settings.influx {
        let name = format!("InfluxDB at {}", address.shown());
        let format = Format::Influx(tags.clone());
        found.push((name, format, poster(address, false, false)?));
    }
    if let Some(statsd) = settings.statsd {
        let name = format!("StatsD at {}:{}", statsd.host, statsd.port);
        let format = Format::Statsd(Box::new(statsd.clone()), tags);
        let way = Way::Datagrams(Box::new(Datagrams {
            settings: statsd,
            socket: None,
        }));
        found.push((name, format, way));
    }
    let both = found.into_iter().map(|(name, format, way)| {
        let queue = Arc::<Queue>::default();
        let (course, ending) = (Arc::default(), Arc::<Notify>::default());
        let delivery = Delivery {
            name: name.clone(),
            way,
            queue: Arc::clone(&queue),
            course: Arc::clone(&course),
            ending: Arc::clone(&ending),
            tell: Arc::clone(tell),
        };
        let outlet = Outlet {
            name,
            format,
            queue,
            course,
            ending,
        };
        (outlet, delivery)
    });
    Ok(both.unzip())
}

async fn work(
    node: &Node,
    every: Duration,
    mut outlets: Vec<Outlet>,
    deliveries: Vec<Delivery>,
    mut finishes: mpsc::UnboundedReceiver<Finish>,
    tell: &Tell,
) {
    let mut tasks = JoinSet::new();
    for delivery in deliveries {
        tasks.spawn(delivery.run());
    }
    let snapshots = node.snapshots();
    let mut counting = Interval::default();
    let mut told = None;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let finish = loop {
        tokio::select! {
            _ = ticks.tick() => {}
            finish = finishes.recv() => break finish,
        }
        let snapshot = Arc::clone(&snapshots.borrow());
        // Nothing was published since, so there is nothing to tell.
        if told != Some(snapshot.seq) {
            told = Some(snapshot.seq);
            let counted = counting.next(&snapshot);
            for outlet in &mut outlets {
                outlet.queue.add(outlet.format.write(&snapshot, &counted));
            }
        }
    };
    // Who has dropped it wants nothing more sent.
    let Some(finish) = finish else { return };
    let snapshot = node.snapshot_now();
    let counted = counting.next(&snapshot);
    for outlet in &mut outlets {
        outlet.queue.close(outlet.format.write(&snapshot, &counted));
        outlet.ending.notify_one();
    }
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout(finish.within, all).await.is_err() {
        tasks.shutdown().await;
        for outlet in &outlets {
            let news = outlet.course.lock().ended(outlet.queue.left());
            if let Some(news) = news {
                let (level, text) = words(&outlet.name, &news);
                tell(level, text);
            }
        }
    }
    finish.done.send(()).ok();
}

impl Format {
    fn write(&mut self, snapshot: &Snapshot, counted: &Counted) -> Report {
        match self {
            Self::Otlp(teller) => vec![teller.write(snapshot).into()],
            Self::Influx(tags) => vec![influx::write(snapshot, counted, tags).into()],
            Self::Statsd(settings, tags) => {
                let datagrams = statsd::write(snapshot, counted, settings, tags);
                datagrams.into_iter().map(Bytes::from).collect()
            }
        }
    }
}
