//! Sends what waits for a collector, tries again what may yet be taken, and gives up the rest.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::course::{Course, News};
use crate::post::{Outcome, Poster};
use crate::push::{Level, Tell};
use crate::queue::{Queue, REPORTS, Report};
use crate::settings::Statsd;

/// The first pause before a report is sent again; each one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The pause once the run is over, when there is little time left.
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// How long it may take to hear that nobody listens for datagrams.
const ECHO: Duration = Duration::from_millis(20);

/// How reports reach a collector.
pub(crate) enum Way {
    /// By a request each.
    Post(Box<Poster>),
    /// By datagrams.
    Datagrams(Box<Datagrams>),
}

/// A `StatsD` server, and the socket to it once there is one.
pub(crate) struct Datagrams {
    pub(crate) settings: Statsd,
    pub(crate) socket: Option<UdpSocket>,
}

/// The delivery of one collector's reports.
pub(crate) struct Delivery {
    /// What the collector is called in the log.
    pub(crate) name: String,
    pub(crate) way: Way,
    pub(crate) queue: Arc<Queue>,
    /// Shared with whoever gives up waiting in the end.
    pub(crate) course: Arc<Mutex<Course>>,
    /// Told when the last report was added.
    pub(crate) ending: Arc<Notify>,
    pub(crate) tell: Tell,
}

impl Delivery {
    /// Sends until there is nothing more to be sent.
    pub(crate) async fn run(mut self) {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        while let Some(report) = self.queue.next().await {
            let outcome = self.send(&report).await;
            let now = began.elapsed();
            let dropped = self.queue.take_dropped();
            match outcome {
                Outcome::Taken => {
                    pause = FIRST_PAUSE;
                    self.tell(|course| course.dropped(dropped));
                    if self.queue.is_empty() {
                        self.tell(|course| course.caught_up(now));
                    }
                }
                Outcome::Never(why) => {
                    self.tell(|course| course.failed(&why, 1, now));
                    self.tell(|course| course.dropped(dropped));
                }
                Outcome::Later(why, wait) => {
                    self.queue.put_back(report);
                    self.tell(|course| course.failed(&why, 0, now));
                    self.tell(|course| course.dropped(dropped));
                    self.pause(wait.unwrap_or(pause).min(LONGEST_PAUSE)).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
        }
        let left = self.queue.take_dropped();
        self.tell(|course| course.ended(left));
    }

    async fn send(&mut self, report: &Report) -> Outcome {
        match &mut self.way {
            Way::Post(poster) => {
                for body in report {
                    let outcome = poster.send(body).await;
                    if outcome != Outcome::Taken {
                        return outcome;
                    }
                }
                Outcome::Taken
            }
            Way::Datagrams(datagrams) => match datagrams.send(report).await {
                Ok(()) => Outcome::Taken,
                // Some of it may have arrived, and must not be counted twice.
                Err(error) => Outcome::Never(error.to_string()),
            },
        }
    }

    /// Waits; not for long once the run is over.
    async fn pause(&self, pause: Duration) {
        if self.queue.is_closed() {
            sleep(pause.min(LAST_PAUSE)).await;
            return;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = self.ending.notified() => {}
        }
    }

    fn tell(&self, happened: impl FnOnce(&mut Course) -> Option<News>) {
        let news = happened(&mut self.course.lock());
        if let Some(news) = news {
            let (level, text) = words(&self.name, &news);
            (self.tell)(level, text);
        }
    }
}

/// News as a line of the log.
pub(crate) fn words(name: &str, news: &News) -> (Level, String) {
    match news {
        News::Fails(why) => (
            Level::Warning,
            format!(
                "{name} does not take metrics: {why}. The test goes on; this is not said again"
            ),
        ),
        News::Loses => (
            Level::Warning,
            format!("{REPORTS} reports wait for {name}; from now on the oldest are dropped"),
        ),
        News::Recovered(0) => (
            Level::Info,
            format!("{name} takes metrics again; nothing was lost"),
        ),
        News::Recovered(lost) => (
            Level::Info,
            format!("{name} takes metrics again; {lost} reports were lost"),
        ),
        News::Lost(lost) => (
            Level::Warning,
            format!("{lost} reports of metrics did not reach {name}"),
        ),
    }
}

impl Datagrams {
    async fn send(&mut self, report: &Report) -> std::io::Result<()> {
        let result = self.try_send(report).await;
        if result.is_err() {
            // Its name may stand for another address by then.
            self.socket = None;
        }
        result
    }

    async fn try_send(&mut self, report: &Report) -> std::io::Result<()> {
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => none.insert(connect(&self.settings).await?),
        };
        let mut refusal = None;
        for datagram in report {
            if let Err(error) = socket.send(datagram).await {
                // That one before it had found nobody is told in its place.
                socket.send(datagram).await.ok();
                refusal = Some(error);
            }
        }
        // Whether anybody listens is said later, if at all.
        sleep(ECHO).await;
        match refusal.or(socket.take_error()?) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

async fn connect(settings: &Statsd) -> std::io::Result<UdpSocket> {
    let mut last = std::io::Error::other("the name has no address");
    for address in tokio::net::lookup_host((settings.host.as_str(), settings.port)).await? {
        let any = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let connected = async {
            let socket = UdpSocket::bind(any).await?;
            socket.connect(address).await?;
            Ok(socket)
        };
        match connected.await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}
