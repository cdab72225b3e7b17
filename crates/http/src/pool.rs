//! The connections of a client, or of several that share them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::exchange::{Cold, Connection};
use crate::target::Origin;
use crate::timing::Stamp;

/// A connection between two requests.
pub(crate) enum Idle {
    /// As the last request left it.
    Warm(Connection, Stamp),
    /// Only the socket, because the user has been waiting for a while.
    Cold(Cold),
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Connections to one origin that are kept.
    pub per_origin: usize,
    /// Whether a request waits while so many are in use; otherwise it gets one that is not kept.
    pub wait: bool,
}

/// Idle connections kept per client: requests' own default (`DEFAULT_POOLSIZE`).
const MOST_IDLE: usize = 10;

impl Default for Limit {
    fn default() -> Self {
        Self {
            per_origin: MOST_IDLE,
            wait: false,
        }
    }
}

/// The right to use one connection.
pub(crate) type Seat = OwnedSemaphorePermit;

/// How a request gets to a connection.
pub(crate) enum Entry {
    /// As it likes.
    Free,
    /// With this seat.
    Seat(Seat),
    /// With a seat that it has to wait for.
    Queue(Arc<Semaphore>),
}

/// A seat, as soon as one is free.
pub(crate) async fn wait_in(seats: Arc<Semaphore>) -> Seat {
    seats
        .acquire_owned()
        .await
        .expect("the semaphore is never closed")
}

/// Connections, and who may use how many.
pub struct Connections {
    pool: Mutex<Pool>,
    limit: Limit,
    /// By origin, where there is a limit to wait for. Few, so a list will do.
    seats: Mutex<Vec<(Origin, Arc<Semaphore>)>>,
}

impl Connections {
    /// None yet.
    pub fn new(limit: Limit) -> Self {
        Self {
            pool: Mutex::default(),
            limit,
            seats: Mutex::default(),
        }
    }

    /// Closes those that are idle.
    pub fn close(&self) {
        self.pool.lock().clear();
    }

    /// Frees the buffers of those that have been idle for `after`.
    pub(crate) fn cool(&self, now: Stamp, after: Duration) {
        self.pool.lock().cool(now, after);
    }

    /// The way to a connection to `origin`.
    pub(crate) fn seat(&self, origin: &Origin) -> Entry {
        if !self.limit.wait {
            return Entry::Free;
        }
        let seats = {
            let mut all = self.seats.lock();
            let place = all.iter().position(|(of, _)| of == origin);
            let place = place.unwrap_or_else(|| {
                let seats = Arc::new(Semaphore::new(self.limit.per_origin.max(1)));
                all.push((origin.clone(), seats));
                all.len() - 1
            });
            Arc::clone(&all[place].1)
        };
        match Arc::clone(&seats).try_acquire_owned() {
            Ok(seat) => Entry::Seat(seat),
            Err(_) => Entry::Queue(seats),
        }
    }

    pub(crate) fn take(&self, origin: &Origin) -> Option<Idle> {
        self.pool.lock().take(origin)
    }

    /// Keeps a connection for the next request, unless there are enough.
    pub(crate) fn keep(&self, origin: &Origin, connection: Connection, now: Stamp) {
        let idle = Idle::Warm(connection, now);
        self.pool.lock().put(origin, idle, self.limit.per_origin);
    }

    /// Keeps a bare socket for the next request, unless there are enough.
    pub(crate) fn keep_cold(&self, origin: &Origin, cold: Cold) {
        let idle = Idle::Cold(cold);
        self.pool.lock().put(origin, idle, self.limit.per_origin);
    }
}

/// Idle connections, the most recently used last. A handful at most, so a list will do.
#[derive(Default)]
struct Pool {
    idle: Vec<(Origin, Idle)>,
}

impl Pool {
    /// The most recently used connection to `origin`.
    fn take(&mut self, origin: &Origin) -> Option<Idle> {
        let place = self.idle.iter().rposition(|(of, _)| of == origin)?;
        Some(self.idle.remove(place).1)
    }

    /// Keeps a connection for the next request, in place of the oldest one to the same origin if
    /// there are `most`.
    fn put(&mut self, origin: &Origin, idle: Idle, most: usize) {
        if self.idle.len() >= most
            && self.idle.iter().filter(|(of, _)| of == origin).count() >= most
            && let Some(oldest) = self.idle.iter().position(|(of, _)| of == origin)
        {
            self.idle.remove(oldest);
        } else if self.idle.capacity() == 0 {
            self.idle.reserve_exact(1);
        }
        self.idle.push((origin.clone(), idle));
    }

    /// Frees the buffers of connections that have been idle for `after`.
    fn cool(&mut self, now: Stamp, after: Duration) {
        let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        if !self
            .idle
            .iter()
            .any(|(_, idle)| matches!(idle, Idle::Warm(_, since) if now.since(*since) >= after))
        {
            return;
        }
        for (origin, idle) in std::mem::take(&mut self.idle) {
            match idle {
                Idle::Warm(connection, since) if now.since(since) >= after => {
                    if let Some(cold) = connection.cool() {
                        self.idle.push((origin, Idle::Cold(cold)));
                    }
                }
                keep => self.idle.push((origin, keep)),
            }
        }
        self.idle.shrink_to_fit();
    }

    /// Closes every connection.
    fn clear(&mut self) {
        self.idle = Vec::new();
    }
}
