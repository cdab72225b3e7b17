//! The connections a client keeps.

use std::time::Duration;

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

/// Idle connections, the most recently used last. A handful at most, so a list will do.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Vec<(Origin, Idle)>,
}

/// Idle connections kept per client: requests' own default (`DEFAULT_POOLSIZE`).
const MOST_IDLE: usize = 10;

impl Pool {
    /// The most recently used connection to `origin`.
    pub(crate) fn take(&mut self, origin: &Origin) -> Option<Idle> {
        let place = self.idle.iter().rposition(|(of, _)| of == origin)?;
        Some(self.idle.remove(place).1)
    }

    /// Keeps a connection for the next request.
    pub(crate) fn put(&mut self, origin: &Origin, connection: Connection, now: Stamp) {
        if self.idle.len() == MOST_IDLE {
            self.idle.remove(0);
        } else if self.idle.capacity() == 0 {
            self.idle.reserve_exact(1);
        }
        self.idle
            .push((origin.clone(), Idle::Warm(connection, now)));
    }

    /// Frees the buffers of connections that have been idle for `after`.
    pub(crate) fn cool(&mut self, now: Stamp, after: Duration) {
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
    pub(crate) fn clear(&mut self) {
        self.idle = Vec::new();
    }
}
