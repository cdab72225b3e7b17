//! Reports that wait for a collector, so many at most; the oldest make room for new ones.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// So many reports wait: a minute of them, one a second.
pub(crate) const REPORTS: usize = 60;
/// So many bytes of reports wait.
const BYTES: usize = 16 << 20;

/// A report, in one piece or in several.
pub(crate) type Report = Vec<Bytes>;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Something was added, or nothing more will be.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Report>,
    bytes: usize,
    /// How many reports had to make room, since that was asked last.
    dropped: u64,
    /// Whether a report is being sent.
    in_hand: bool,
    is_closed: bool,
}

impl Queue {
    /// Adds a report.
    pub(crate) fn add(&self, report: Report) {
        let mut state = self.state.lock();
        state.bytes += size(&report);
        state.waiting.push_back(report);
        while state.waiting.len() > REPORTS || (state.bytes > BYTES && state.waiting.len() > 1) {
            state.take();
            state.dropped += 1;
        }
        self.changed.notify_one();
    }

    /// Adds the last report, which goes before all others: what there is in the end counts most.
    pub(crate) fn close(&self, last: Report) {
        let mut state = self.state.lock();
        state.bytes += size(&last);
        state.waiting.push_front(last);
        state.is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for a report; `None` once there are no more. The one before is done with.
    pub(crate) async fn next(&self) -> Option<Report> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                state.in_hand = !state.waiting.is_empty();
                if let Some(report) = state.take() {
                    return Some(report);
                }
                if state.is_closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Puts back a report that could not be sent, before all others.
    pub(crate) fn put_back(&self, report: Report) {
        let mut state = self.state.lock();
        state.in_hand = false;
        if state.waiting.len() >= REPORTS && !state.is_closed {
            // It is the oldest.
            state.dropped += 1;
            return;
        }
        state.bytes += size(&report);
        state.waiting.push_front(report);
    }

    /// Whether none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// How many reports nobody has taken yet, or had to make room since that was asked last.
    pub(crate) fn left(&self) -> u64 {
        let state = self.state.lock();
        state.waiting.len() as u64 + u64::from(state.in_hand) + state.dropped
    }

    /// Whether the last report was added.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// How many reports had to make room since this was called last.
    pub(crate) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.state.lock().dropped)
    }
}

impl State {
    fn take(&mut self) -> Option<Report> {
        let report = self.waiting.pop_front()?;
        self.bytes -= size(&report);
        Some(report)
    }
}

fn size(report: &Report) -> usize {
    report.iter().map(Bytes::len).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(number: usize, bytes: usize) -> Report {
        let mut report = vec![Bytes::from(number.to_string())];
        report.push(Bytes::from(vec![0; bytes]));
        report
    }

    fn number(report: &Report) -> usize {
        String::from_utf8_lossy(&report[0]).parse().unwrap()
    }

    #[test]
    fn the_last_report_goes_first() {
        let queue = Queue::default();
        queue.add(report(1, 0));
        queue.add(report(2, 0));
        queue.close(report(3, 0));
        let mut state = queue.state.lock();
        let order: Vec<_> = std::iter::from_fn(|| state.take()).collect();
        assert_eq!(order.iter().map(number).collect::<Vec<_>>(), [3, 1, 2]);
    }

    proptest! {
        #[test]
        fn the_newest_stay_and_every_other_one_is_counted(
            sizes in prop::collection::vec(prop_oneof![0_usize..1_000, Just(9 << 20)], 1..150),
        ) {
            let queue = Queue::default();
            for (number, &size) in sizes.iter().enumerate() {
                queue.add(report(number, size));
            }
            prop_assert_eq!(queue.left(), sizes.len() as u64);
            let kept = queue.state.lock().waiting.len();
            prop_assert!((1..=REPORTS).contains(&kept));
            let dropped = usize::try_from(queue.take_dropped()).unwrap();
            prop_assert_eq!(kept + dropped, sizes.len());
            let mut state = queue.state.lock();
            prop_assert!(state.bytes <= BYTES || kept == 1);
            let order: Vec<_> = std::iter::from_fn(|| state.take()).map(|it| number(&it)).collect();
            prop_assert_eq!(order, (dropped..sizes.len()).collect::<Vec<_>>());
            prop_assert_eq!(state.bytes, 0);
        }
    }
}
