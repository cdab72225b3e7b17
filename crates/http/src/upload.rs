//! A request's body as a script makes it, piece by piece.
//!
//! The pieces come through a short channel, so that a script that is faster than the
//! network waits for it, and nothing is held twice.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// Pieces that may wait for the network.
const WAITING: usize = 4;

/// Where the pieces are put in; an empty one ends the body.
pub type Pieces = mpsc::Sender<Bytes>;

/// A body that is still being made. Good for one attempt.
#[derive(Debug)]
pub struct Upload {
    length: Option<u64>,
    pieces: Mutex<Option<mpsc::Receiver<Bytes>>>,
}

impl Upload {
    /// A body of `length` bytes, or of chunks where nobody knows how many, and where to put it in.
    pub fn new(length: Option<u64>) -> (Pieces, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let upload = Self {
            length,
            pieces: Mutex::new(Some(receiver)),
        };
        (sender, upload)
    }

    pub(crate) fn payload(&self) -> Payload {
        Payload::Pieces {
            length: self.length,
            pieces: self.pieces.lock().take(),
        }
    }
}

/// What hyper sends.
pub(crate) enum Payload {
    Whole(Full<Bytes>),
    Pieces {
        length: Option<u64>,
        /// `None` once the body was sent, or is being sent, elsewhere.
        pieces: Option<mpsc::Receiver<Bytes>>,
    },
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Pieces { pieces: slot, .. } => {
                let piece = match slot {
                    None => return Poll::Ready(None),
                    Some(pieces) => std::task::ready!(pieces.poll_recv(cx)),
                };
                match piece {
                    Some(piece) if piece.is_empty() => {
                        *slot = None;
                        Poll::Ready(None)
                    }
                    Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
                    // Whoever made the body gave up before its end.
                    None => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Pieces { pieces, .. } => pieces.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Pieces { length, .. } => {
                length.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}
