//! Percentiles of about the last ten seconds, as Locust's charts show them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Buckets;
use crate::stats::Entry;
use crate::units::Nanos;

/// Locust's `CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW`, in seconds.
const WINDOW: u64 = 10;
/// How many copies are kept.
const KEPT: usize = 20;

/// Copies of the buckets of the total, one for each second in which requests finished.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    copies: VecDeque<Copy>,
}

#[derive(Clone, Debug)]
struct Copy {
    second: u64,
    buckets: Arc<Buckets>,
}

impl Recent {
    /// Keeps the total as it is before something of second `next` is merged into it.
    ///
    /// Called before every merge; keeps one copy for each second in which the total changed.
    pub fn keep(&mut self, total: &Entry, next: Nanos) {
        let Some(last) = total.last.map(Nanos::as_secs) else {
            return;
        };
        let next = next.as_secs();
        let known = self
            .copies
            .back()
            .is_some_and(|copy| copy.second >= next - 1);
        if next <= last || known {
            return;
        }
        let buckets = Arc::new(total.buckets.clone());
        self.copies.push_back(Copy {
            second: next - 1,
            buckets,
        });
        if self.copies.len() > KEPT {
            self.copies.pop_front();
        }
    }

    /// Forgets all copies, when the statistics are cleared.
    pub fn clear(&mut self) {
        self.copies.clear();
    }

    /// The rounded time in milliseconds that a part of the requests of about the last ten
    /// seconds stays within; none until there is a copy that old.
    pub fn percentile(&self, total: &Entry, now: Nanos, part: f64) -> Option<u64> {
        let wanted = now.as_secs().saturating_sub(WINDOW);
        // Of two that are as far away the first, which is the earlier one, is taken, as in Locust.
        let usable = self
            .copies
            .iter()
            .filter(|copy| copy.second.abs_diff(wanted) < WINDOW - 1);
        let nearest = usable.min_by_key(|copy| copy.second.abs_diff(wanted))?;
        Some(total.buckets.since(&nearest.buckets).percentile(part))
    }
}
