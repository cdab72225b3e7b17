//! A response's body that is read piece by piece, when a script asks for it.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;

use crate::error::Error;
use crate::exchange::Connection;
use crate::pool::{Connections, Seat};
use crate::target::Origin;
use crate::timing::Stamp;

/// What is still to come of a response. Dropped before its end, it closes its connection.
pub struct Body {
    open: Option<Open>,
    read: Option<Duration>,
    received: u64,
}

struct Open {
    connection: Connection,
    incoming: Incoming,
    connections: Arc<Connections>,
    origin: Origin,
    /// Held while the connection is in use.
    seat: Option<Seat>,
}

impl Body {
    pub(crate) fn new(
        connection: Connection,
        incoming: Incoming,
        read: Option<Duration>,
        connections: Arc<Connections>,
        origin: Origin,
        seat: Option<Seat>,
    ) -> Self {
        Self {
            open: Some(Open {
                connection,
                incoming,
                connections,
                origin,
                seat,
            }),
            read,
            received: 0,
        }
    }

    /// The next bytes as they arrive, their encoding not undone; `None` at the end, after which
    /// the connection is free for others.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let piece = open
            .connection
            .piece(&mut open.incoming, self.read, self.received)
            .await;
        match piece {
            Ok(Some(piece)) => {
                self.received += piece.len() as u64;
                Ok(Some(piece))
            }
            Ok(None) => {
                self.release().await;
                Ok(None)
            }
            Err(error) => {
                self.open = None;
                Err(error)
            }
        }
    }

    async fn release(&mut self) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        if poll_fn(|cx| Poll::Ready(open.connection.is_reusable(cx))).await {
            open.connections
                .keep(&open.origin, open.connection, Stamp::now());
        }
        drop(open.seat);
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("open", &self.open.is_some())
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
