//! The worker's end: one peer, found again whenever it is lost.

use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{ConnectionError, Incoming, Outgoing, Trust, shake_hands};
use crate::zmtp::{Item, Role, message};

/// Messages that may wait while there is no connection.
const OUTGOING: usize = 1_024;
const INCOMING: usize = 1_024;
/// The longest message of a master: locustfiles travel in one.
const LONGEST: usize = 64 * 1024 * 1024;
/// Between two tries to connect, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(5);

/// What happens at the worker's end.
#[derive(Debug)]
pub enum Event {
    /// The master is there, perhaps again.
    Connected,
    /// The master sent a message.
    Message(Bytes),
    /// The master is not there, or not any more; the next try follows by itself.
    Disconnected(ConnectionError),
}

/// The way to a master.
pub struct Dealer {
    queue: mpsc::Sender<Bytes>,
    events: mpsc::Receiver<Event>,
    closed: CancellationToken,
    tasks: TaskTracker,
}

impl Dealer {
    /// Begins to connect; must be called in a tokio runtime.
    ///
    /// # Panics
    ///
    /// If the identity is longer than 255 bytes.
    pub fn connect(host: &str, port: u16, identity: &[u8], trust: Trust) -> Self {
        assert!(identity.len() <= 255, "ZeroMQ's limit");
        let (queue, queued) = mpsc::channel(OUTGOING);
        let (sender, events) = mpsc::channel(INCOMING);
        let (closed, tasks) = (CancellationToken::new(), TaskTracker::new());
        let link = Link {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port,
            identity: Bytes::copy_from_slice(identity),
            trust,
            queued,
            waiting: None,
            events: sender,
        };
        let until = closed.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = until.cancelled() => {}
                () = link.run() => {}
            }
        });
        Self {
            queue,
            events,
            closed,
            tasks,
        }
    }

    /// Queues a message; false if too many wait already, for want of a master.
    pub fn send(&self, payload: &[u8]) -> bool {
        self.queue.try_send(message(payload)).is_ok()
    }

    /// Waits for the next event.
    pub async fn event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Writes what is queued, for at most `patience`, and ends the connection.
    pub async fn close(self, patience: Duration) {
        let Self {
            queue,
            events,
            closed,
            tasks,
        } = self;
        drop(queue);
        drop(events);
        tasks.close();
        tokio::time::timeout(patience, tasks.wait()).await.ok();
        closed.cancel();
    }
}

struct Link {
    host: String,
    port: u16,
    identity: Bytes,
    trust: Trust,
    queued: mpsc::Receiver<Bytes>,
    /// A message taken off the queue that was not written whole.
    waiting: Option<Bytes>,
    events: mpsc::Sender<Event>,
}

impl Link {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let ended = match self.open().await {
                Ok((incoming, write)) => {
                    pause = FIRST_PAUSE;
                    self.events.send(Event::Connected).await.ok();
                    match self.carry(incoming, write).await {
                        Ok(()) => return,
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if self.events.send(Event::Disconnected(ended)).await.is_err()
                && self.queued.is_closed()
            {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn open(&self) -> Result<(Incoming, Outgoing), ConnectionError> {
        let connect = TcpStream::connect((self.host.as_str(), self.port));
        let stream = tokio::time::timeout(TRY, connect)
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
        let (_, incoming, write) =
            shake_hands(stream, Role::Dealer, &self.identity, &self.trust, LONGEST).await?;
        Ok((incoming, write))
    }

    /// Carries messages both ways until the connection ends, or `Ok` when nobody sends any more.
    async fn carry(
        &mut self,
        mut incoming: Incoming,
        mut write: Outgoing,
    ) -> Result<(), ConnectionError> {
        if let Some(frame) = self.waiting.clone() {
            write.write_all(&frame).await?;
            self.waiting = None;
        }
        loop {
            tokio::select! {
                item = incoming.next() => match item? {
                    Item::Message(payload) => {
                        self.events.send(Event::Message(payload)).await.ok();
                    }
                    Item::Pong(frame) => write.write_all(&frame).await?,
                    Item::Greeting(_) | Item::Hello(_) | Item::Ready(_) => {}
                },
                frame = self.queued.recv() => {
                    let Some(frame) = frame else {
                        return Ok(write.shutdown().await?);
                    };
                    self.waiting = Some(frame.clone());
                    write.write_all(&frame).await?;
                    self.waiting = None;
                }
            }
        }
    }
}
