//! What the web asks of Python, and Python's answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use katydid_web::{Answer, BoxFuture, Page, PageBody, Script, Visit};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::door::{Door, Message};

/// How many pieces of a page may wait for their reader.
const PIECES: usize = 16;

/// Who waits for an answer of Python's.
enum Asker {
    Call(oneshot::Sender<Answer>),
    Page(oneshot::Sender<Page>),
}

/// What the web asks of Python, until it is answered.
pub(crate) struct Calls {
    door: Arc<Door>,
    next: AtomicU64,
    pending: Mutex<FxHashMap<u64, Asker>>,
    /// Pages that are still being written.
    streams: Mutex<FxHashMap<u64, mpsc::Sender<Bytes>>>,
}

impl Calls {
    pub(crate) fn new(door: Arc<Door>) -> Self {
        Self {
            door,
            next: AtomicU64::new(0),
            pending: Mutex::default(),
            streams: Mutex::default(),
        }
    }

    /// Passes Python's answer to whoever asked over the web.
    pub(crate) fn answer(
        &self,
        call: u64,
        status: u16,
        body: &str,
    ) -> Result<(), serde_json::Error> {
        let body = serde_json::from_str(body)?;
        if let Some(Asker::Call(asker)) = self.pending.lock().remove(&call) {
            // The asker may have gone.
            asker.send(Answer { status, body }).ok();
        }
        Ok(())
    }

    /// Passes a page of the script's to whoever asked for it. Without a body, it follows in
    /// pieces.
    pub(crate) fn answer_page(
        &self,
        call: u64,
        status: u16,
        headers: Vec<(String, String)>,
        body: Option<Bytes>,
    ) {
        let Some(Asker::Page(asker)) = self.pending.lock().remove(&call) else {
            return;
        };
        let body = body.map_or_else(
            || {
                let (pieces, reader) = mpsc::channel(PIECES);
                self.streams.lock().insert(call, pieces);
                PageBody::Stream(reader)
            },
            PageBody::Whole,
        );
        let page = Page {
            status,
            headers,
            body,
        };
        // The asker may have gone, and then the reader has, too.
        asker.send(page).ok();
    }

    /// Passes on a piece of a page: none if its reader has gone, false if it must be sent again
    /// as too many wait already.
    pub(crate) fn write_page(&self, call: u64, piece: Bytes) -> Option<bool> {
        let mut streams = self.streams.lock();
        match streams.get(&call)?.try_send(piece) {
            Ok(()) => Some(true),
            Err(TrySendError::Full(_)) => Some(false),
            Err(TrySendError::Closed(_)) => {
                streams.remove(&call);
                None
            }
        }
    }

    /// Ends a page that came in pieces.
    pub(crate) fn end_page(&self, call: u64) {
        self.streams.lock().remove(&call);
    }

    fn ask(&self, asker: Asker, name: &str, payload: &Value, body: Bytes) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.pending.lock().insert(id, asker);
        self.door.ask(Message::Call {
            id,
            name: name.to_owned(),
            payload: payload.to_string(),
            body,
        });
    }
}

impl Script for Calls {
    fn call(&self, name: &str, payload: Value) -> BoxFuture<Answer> {
        let (asker, answered) = oneshot::channel();
        self.ask(Asker::Call(asker), name, &payload, Bytes::new());
        Box::pin(async move {
            answered.await.unwrap_or(Answer {
                status: 503,
                body: Value::Null,
            })
        })
    }

    fn page(&self, visit: Visit) -> BoxFuture<Option<Page>> {
        let (asker, answered) = oneshot::channel();
        let head = visit.head();
        self.ask(Asker::Page(asker), "page", &head, visit.body);
        Box::pin(async move { answered.await.ok() })
    }
}
