//! The clock, and the stamps that every exchange carries.
//!
//! Stamps are nanoseconds since the process started, so that they fit an atomic and
//! subtract without branches. One of the two places that read a clock.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

struct Origin {
    monotonic: Instant,
    /// Nanoseconds of the Unix epoch at `monotonic`.
    epoch: u64,
}

#[expect(
    clippy::disallowed_methods,
    reason = "this file is one of the two homes of the clock"
)]
fn origin() -> &'static Origin {
    static ORIGIN: OnceLock<Origin> = OnceLock::new();
    ORIGIN.get_or_init(|| Origin {
        monotonic: Instant::now(),
        epoch: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, nanos),
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How long a comparison of the wall clock with ours is trusted, in nanoseconds.
const FRESH: u64 = 100_000_000;
/// Two readings of a clock that are further apart, in nanoseconds, had the thread lose its CPU.
const TOGETHER: u64 = 5_000;

/// What the wall clock shows, and what it showed at stamp zero: nanoseconds of the Unix epoch.
fn compare() -> (u64, u64) {
    let mut attempts = 0;
    loop {
        let before = Stamp::now().0;
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, nanos);
        let apart = Stamp::now().0 - before;
        attempts += 1;
        if apart <= TOGETHER || attempts == 3 {
            return (wall, wall.saturating_sub(before + apart / 2));
        }
    }
}

/// A moment, in nanoseconds since the process first read its clock. Zero means "never".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    /// The present moment.
    pub fn now() -> Self {
        Self(nanos(origin().monotonic.elapsed()).max(1))
    }

    /// The moment at which the wall clock showed so many nanoseconds of the Unix epoch.
    pub(crate) fn of_epoch(epoch: u64) -> Self {
        thread_local! {
            /// What the wall clock showed when it was last compared, and at stamp zero.
            static WALL: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
        }
        let (mut read, mut zero) = WALL.get();
        // The two clocks part only when the wall clock is set, so they are compared now and then.
        if epoch.abs_diff(read) > FRESH {
            (read, zero) = compare();
            WALL.set((read, zero));
        }
        Self(epoch.saturating_sub(zero).max(1))
    }

    /// Whether the moment ever came.
    pub fn is_set(self) -> bool {
        self.0 != 0
    }

    /// Nanoseconds on a clock that never jumps.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment so many nanoseconds after this one.
    #[cfg(test)]
    pub(crate) fn after(self, nanos: u64) -> Self {
        Self(self.0 + nanos)
    }

    /// The moment so many nanoseconds before this one.
    #[must_use]
    pub fn before(self, nanos: u64) -> Self {
        Self(self.0.saturating_sub(nanos).max(1))
    }

    /// Nanoseconds from `earlier` to this moment; zero if either never came or the order is reversed.
    pub fn since(self, earlier: Self) -> u64 {
        if self.is_set() && earlier.is_set() {
            self.0.saturating_sub(earlier.0)
        } else {
            0
        }
    }

    /// How long ago the moment was; if it never came, since the process first read its clock.
    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(Self::now().0.saturating_sub(self.0))
    }

    /// The same moment as nanoseconds of the Unix epoch.
    pub fn epoch_nanos(self) -> u64 {
        origin().epoch.saturating_add(self.0)
    }
}

/// What a connection's socket notes while an exchange runs.
///
/// Written by the socket, read by the exchange, both on the same thread; atomics only
/// because the compiler cannot know that.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    sent: AtomicU64,
    first_byte: AtomicU64,
    last_byte: AtomicU64,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
}

impl Marks {
    /// Forgets the previous exchange.
    pub(crate) fn arm(&self) {
        for mark in [
            &self.sent,
            &self.first_byte,
            &self.last_byte,
            &self.bytes_out,
            &self.bytes_in,
        ] {
            mark.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn wrote(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
        self.sent.store(Stamp::now().0, Ordering::Relaxed);
    }

    /// Bytes were read that arrived at a moment; none if the stream ended.
    pub(crate) fn read(&self, bytes: usize, arrived: Stamp) {
        if bytes == 0 {
            return;
        }
        self.last_byte.store(arrived.0, Ordering::Relaxed);
        if self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed) == 0 {
            self.first_byte.store(arrived.0, Ordering::Relaxed);
        }
    }

    /// The end of the stream was the end of the answer.
    pub(crate) fn ended(&self) {
        self.last_byte.store(Stamp::now().0, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self) -> Stamp {
        Stamp(self.sent.load(Ordering::Relaxed))
    }

    pub(crate) fn first_byte(&self) -> Stamp {
        Stamp(self.first_byte.load(Ordering::Relaxed))
    }

    pub(crate) fn last_byte(&self) -> Stamp {
        Stamp(self.last_byte.load(Ordering::Relaxed))
    }

    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }
}

/// When each part of an exchange happened.
///
/// Over a redirect chain `taken_up` is of the first hop; `sent`, `first_byte` and the
/// connecting phases are of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// The script, or the schedule, asked.
    pub due: Stamp,
    /// The engine began to work on it; Locust's response time starts here.
    pub taken_up: Stamp,
    /// The last byte of the request was handed to the socket.
    pub sent: Stamp,
    /// The first byte of the answer arrived at this machine, as far as the system tells; where it
    /// came together with later ones, the last of these.
    pub first_byte: Stamp,
    /// The last byte of the answer arrived, or the failure was known.
    pub done: Stamp,
    /// The engine had the whole answer in hand: later than done if it was busy.
    pub noticed: Stamp,
    /// Nanoseconds spent finding addresses, zero on a reused connection.
    pub dns: u64,
    /// Nanoseconds until the socket was connected, zero on a reused connection.
    pub connect: u64,
    /// Nanoseconds of the TLS handshake, zero without one.
    pub tls: u64,
    /// Nanoseconds that the opening of connections waited for this process: an address, or a
    /// part of a handshake, was there and nobody looked. In none of the other parts.
    pub held: u64,
}

impl Timing {
    /// Notes that the whole answer, or the failure, is known now, and puts right what the wall
    /// clock misdated: an answer that seems to be older than its request, or to come from later.
    pub(crate) fn settle(&mut self, failed: bool) {
        self.noticed = Stamp::now();
        if failed || !(self.taken_up..=self.noticed).contains(&self.done) {
            self.done = self.noticed;
        }
        if !self.first_byte.is_set() {
            return;
        }
        if !(self.taken_up..=self.done).contains(&self.first_byte) {
            self.first_byte = self.done;
        }
        // A thread that loses its processor in the write is told only then that all was sent.
        self.sent = self.sent.min(self.first_byte);
    }

    /// Nanoseconds from taken up to the last byte's arrival, without those in which this process
    /// left a new connection waiting: what Locust calls the response time.
    pub fn service(&self) -> u64 {
        self.done.since(self.taken_up).saturating_sub(self.held)
    }

    /// Nanoseconds the request and its answer waited for the engine itself.
    pub fn lateness(&self) -> u64 {
        self.taken_up.since(self.due) + self.held + self.noticed.since(self.done)
    }

    /// Nanoseconds from taken up to the first byte of the answer, if one came.
    pub fn first_byte(&self) -> Option<u64> {
        self.first_byte.is_set().then(|| {
            self.first_byte
                .since(self.taken_up)
                .saturating_sub(self.held)
        })
    }

    /// Nanoseconds of each part: until taken up or for want of this process, redirects before the last hop, finding addresses,
    /// connecting, the TLS handshake, sending, waiting, receiving. All but the first make up the
    /// service time.
    pub fn phases(&self, redirected: bool) -> [u64; 8] {
        let service = self.service();
        let known = self.dns + self.connect + self.tls;
        let (mut connect, mut before, mut wait, mut receive) = (self.connect, 0, 0, 0);
        if self.sent.is_set() {
            before = self
                .sent
                .since(self.taken_up)
                .saturating_sub(known + self.held);
            if self.first_byte.is_set() {
                receive = self.receive();
            }
            wait = service.saturating_sub(known + before + receive);
        } else {
            // It was not sent: what there was of it was an attempt to connect.
            connect += service.saturating_sub(known);
        }
        let (redirects, send) = if redirected { (before, 0) } else { (0, before) };
        let blocked = self.taken_up.since(self.due) + self.held;
        [
            blocked, redirects, self.dns, connect, self.tls, send, wait, receive,
        ]
    }

    /// Nanoseconds from the last byte out to the first byte in.
    pub fn wait(&self) -> u64 {
        self.first_byte.since(self.sent)
    }

    /// Nanoseconds from the first to the last byte of the answer.
    pub fn receive(&self) -> u64 {
        self.done.since(self.first_byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times in milliseconds after the first look at the clock.
    fn timing(taken_up: u64, sent: u64, first_byte: u64, done: u64) -> Timing {
        let at = |ms: u64| Stamp(ms * 1_000_000);
        Timing {
            taken_up: at(taken_up),
            sent: at(sent),
            first_byte: at(first_byte),
            done: at(done),
            ..Timing::default()
        }
    }

    #[test]
    fn what_was_answered_before_the_write_returned_was_sent_by_then() {
        while Stamp::now().0 < 20_000_000 {
            std::thread::yield_now();
        }
        let mut late = timing(1, 9, 3, 12);
        late.settle(false);
        assert_eq!((late.sent, late.wait()), (late.first_byte, 0));
        assert_eq!(late.receive(), 9_000_000);
        // The wall clock was set back: what it says of the answer is not used.
        let mut misdated = timing(10, 11, 3, 5);
        misdated.settle(false);
        assert_eq!(misdated.done, misdated.noticed);
        assert_eq!(misdated.first_byte, misdated.done);
    }
}
