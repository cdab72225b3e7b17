//! How far a worker's clock is from the master's, as NTP finds it out.
//!
//! The master notes when it sends a receipt; the worker says in its next report when it got that
//! receipt and when it sends the report; and the master sees when the report comes. The offset lies
//! between what the two ways suggest. Of the last exchanges the one with the shortest round trip is
//! believed, because the less time the messages took the less can be wrong.

use std::collections::VecDeque;

use katydid_core::units::Nanos;
use katydid_wire::protocol::Stamps;

use crate::event::Now;

/// Exchanges that are remembered.
const KEPT: usize = 8;
const NANOS_PER_MILLI: i128 = 1_000_000;
/// Clocks that are further off than this, a hundred years, are not believed.
const MOST_MS: i128 = 100 * 366 * 86_400_000;
/// A clock that is off by more is told of, and again when that changes by as much.
const TELL_MS: u64 = 1_000;

/// What is known of a worker's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    /// The receipt that was sent last, and when.
    sent: Option<(u64, Nanos)>,
    exchanges: VecDeque<Exchange>,
    /// The milliseconds it was last told to be ahead.
    told_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    round_trip: i128,
    ahead_ms: i64,
}

impl Clock {
    /// A receipt is sent.
    pub(crate) fn sends(&mut self, receipt: u64, now: Now) {
        self.sent = Some((receipt, now.nanos()));
    }

    /// A report is here that says when the worker got a receipt and sent the report.
    pub(crate) fn hears(&mut self, stamps: &Stamps, now: Now) {
        let Some((_, sent)) = self.sent.filter(|(receipt, _)| *receipt == stamps.receipt) else {
            return;
        };
        let nanos = |at: Nanos| i128::from(at.as_nanos());
        let there = nanos(stamps.heard) - nanos(sent);
        let back = nanos(now.nanos()) - nanos(stamps.sent);
        let round_trip = there + back;
        if round_trip < 0 {
            // One of the clocks was set meanwhile: what it was before says nothing any more.
            self.exchanges.clear();
            return;
        }
        let ahead_ms = (there - back) / 2 / NANOS_PER_MILLI;
        let Ok(ahead_ms) = i64::try_from(ahead_ms.clamp(-MOST_MS, MOST_MS)) else {
            return;
        };
        if self.exchanges.len() == KEPT {
            self.exchanges.pop_front();
        }
        self.exchanges.push_back(Exchange {
            round_trip,
            ahead_ms,
        });
    }

    /// How far it is ahead of ours, in milliseconds, once that is known.
    pub(crate) fn ahead_ms(&self) -> Option<i64> {
        let best = self.exchanges.iter().min_by_key(|it| it.round_trip);
        best.map(|it| it.ahead_ms)
    }

    /// The whole seconds that bring its times to ours.
    pub(crate) fn correction(&self) -> i64 {
        let ahead_ms = self.ahead_ms().unwrap_or(0);
        -((ahead_ms + 500).div_euclid(1_000))
    }

    /// How far it is ahead, if that is much and was not told yet.
    pub(crate) fn news(&mut self) -> Option<i64> {
        let ahead_ms = self.ahead_ms()?;
        let is_new = ahead_ms.abs_diff(self.told_ms) > TELL_MS;
        if is_new {
            self.told_ms = ahead_ms;
        }
        is_new.then_some(ahead_ms)
    }
}
