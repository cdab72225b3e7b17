//! The live stream: server-sent events, one frame for each snapshot that is published.
//!
//! A reader pulls. Only when the last event has gone out is the next one made, and it then holds
//! everything since: who reads slowly gets fewer and larger frames, and nothing waits for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use katydid_core::snapshot::Snapshot;
use serde_json::json;
use tokio::sync::watch;

use crate::api::Refusal;
use crate::site::Shared;

/// A reader that hears nothing for much longer than this may take the line for dead.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How many readers there may be.
const STREAMS: usize = 256;

/// One reader.
struct Reader {
    shared: Arc<Shared>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    /// The sequence number it knows everything up to; none if it has to start over.
    seen: Option<u64>,
    greeted: bool,
}

/// Opens a stream, where a reader left off if it says so in `Last-Event-ID`.
pub(crate) async fn stream(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if shared.streams.fetch_add(1, Ordering::Relaxed) >= STREAMS {
        shared.streams.fetch_sub(1, Ordering::Relaxed);
        let message = "too many browsers are watching";
        return Refusal::whole(StatusCode::SERVICE_UNAVAILABLE, message).into_response();
    }
    let reader = Reader::new(shared, &headers);
    let headers = [
        (CACHE_CONTROL.as_str(), "no-store"),
        ("x-accel-buffering", "no"),
    ];
    (headers, Sse::new(reader.events())).into_response()
}

impl Reader {
    fn new(shared: Arc<Shared>, headers: &HeaderMap) -> Self {
        let mut snapshots = shared.snapshots();
        let newest = Arc::clone(&snapshots.borrow_and_update());
        let mut board = shared.board.lock();
        board.advance(&newest);
        let seen = match headers.get("last-event-id") {
            None => Some(board.seq()),
            Some(id) => id
                .to_str()
                .ok()
                .and_then(|id| seq_of(id, &shared.boot))
                .filter(|&seq| board.knows(seq)),
        };
        drop(board);
        Self {
            shared,
            snapshots,
            seen,
            greeted: false,
        }
    }

    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut reader| async move {
            let event = reader.next().await?;
            Some((Ok(event), reader))
        })
    }

    /// The next event; none when the server is to end.
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            // Tells at once that nothing on the way holds the stream back.
            self.greeted = true;
            return Some(self.heartbeat());
        }
        if self.is_behind() {
            return Some(self.catch_up());
        }
        tokio::select! {
            () = self.shared.shutdown.cancelled() => None,
            changed = self.snapshots.changed() => changed.is_ok().then(|| self.catch_up()),
            () = tokio::time::sleep(HEARTBEAT) => Some(self.heartbeat()),
        }
    }

    fn is_behind(&self) -> bool {
        self.seen
            .is_none_or(|seen| seen < self.shared.board.lock().seq())
    }

    /// A frame from where the reader is to the newest snapshot, or the news that there is none.
    fn catch_up(&mut self) -> Event {
        let newest = Arc::clone(&self.snapshots.borrow_and_update());
        let mut board = self.shared.board.lock();
        board.advance(&newest);
        let frame = self.seen.and_then(|seen| board.since(seen));
        let seq = board.seq();
        self.seen = Some(seq);
        let id = format!("{}-{seq}", self.shared.boot);
        match frame {
            Some(frame) => Event::default().event("frame").id(id).data(frame),
            None => Event::default().event("reset").id(id).data("{}"),
        }
    }

    fn heartbeat(&self) -> Event {
        let t = self.shared.snapshot().at_ms;
        Event::default()
            .event("hb")
            .data(json!({ "t": t }).to_string())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The sequence number in an event's id, if the event was of this life of the server.
fn seq_of(id: &str, boot: &str) -> Option<u64> {
    id.strip_prefix(boot)?.strip_prefix('-')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_counts_only_in_the_life_it_was_given_in() {
        assert_eq!(seq_of("00ff-12", "00ff"), Some(12));
        assert_eq!(seq_of("00fe-12", "00ff"), None);
        assert_eq!(seq_of("00ff-", "00ff"), None);
        assert_eq!(seq_of("", "00ff"), None);
    }
}
