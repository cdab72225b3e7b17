//! What was counted between two reports: differences of what was counted in all, bin by bin.

use std::collections::BTreeMap;
use std::sync::Arc;

use katydid_core::metrics::{ByName, failures_by_kind, series_name};
use katydid_core::snapshot::Snapshot;
use katydid_core::stats::Entry;
use katydid_core::window::Count;

/// What was counted in an interval.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// Under each name that anything was counted under.
    pub(crate) by_name: ByName,
    /// Under all of them.
    pub(crate) total: Count,
    /// How many responses had each status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// How many failures were of each kind.
    pub(crate) kinds: BTreeMap<&'static str, u64>,
    /// How long it was; zero if that is not known.
    pub(crate) seconds: f64,
}

/// Tells what was counted since it was asked last.
#[derive(Debug, Default)]
pub(crate) struct Interval {
    before: Option<Arc<Snapshot>>,
}

impl Interval {
    /// What was counted since the last one.
    pub(crate) fn next(&mut self, snapshot: &Arc<Snapshot>) -> Counted {
        let before = self.before.replace(Arc::clone(snapshot));
        // Another run has counted from zero.
        let before = before.filter(|before| before.run.started_ms == snapshot.run.started_ms);
        let since_ms = before.as_ref().map(|before| before.at_ms);
        let since_ms = since_ms.or(snapshot.run.started_ms);
        let millis = since_ms.map_or(0, |since| snapshot.at_ms.saturating_sub(since));
        let mut counted = Counted {
            total: between(
                before.as_ref().map(|before| &**before.stats.total()),
                snapshot.stats.total(),
            ),
            seconds: millis as f64 / 1e3,
            ..Counted::default()
        };
        for (place, (key, entry)) in snapshot.stats.entries().enumerate() {
            let then = before.as_ref().and_then(|before| before.stats.entry(key));
            if then.is_some_and(|then| Arc::ptr_eq(then, entry)) {
                continue;
            }
            let count = between(then.map(|then| &**then), entry);
            if count.requests > 0 || count.failures > 0 {
                let name = series_name(snapshot, place, key);
                counted.by_name.entry(name).or_default().merge(&count);
            }
        }
        let statuses = |snapshot: &Snapshot| {
            let statuses = snapshot.stats.total().trips.statuses();
            statuses.iter().copied().collect::<BTreeMap<_, _>>()
        };
        counted.statuses = grown(statuses(snapshot), before.as_deref().map(statuses));
        let kinds = before.as_deref().map(failures_by_kind);
        counted.kinds = grown(failures_by_kind(snapshot), kinds);
        counted
    }
}

/// What was counted between two pictures of an entry; all of it, if it was set to zero in between.
fn between(then: Option<&Entry>, now: &Entry) -> Count {
    let all = Count::from(now);
    let difference = then.and_then(|then| {
        let then = Count::from(then);
        Some(Count {
            requests: all.requests.checked_sub(then.requests)?,
            failures: all.failures.checked_sub(then.failures)?,
            bytes_in: all.bytes_in.checked_sub(then.bytes_in)?,
            bytes_out: all.bytes_out.checked_sub(then.bytes_out)?,
            ok: all.ok.since(&then.ok)?,
            failed: all.failed.since(&then.failed)?,
            ..Count::default()
        })
    });
    difference.unwrap_or(all)
}

/// By how much each number has grown; those that have not are left out.
fn grown<K: Ord>(now: BTreeMap<K, u64>, then: Option<BTreeMap<K, u64>>) -> BTreeMap<K, u64> {
    let then = then.unwrap_or_default();
    let grown = now.into_iter().map(|(key, count)| {
        let before = then.get(&key).copied().unwrap_or(0);
        (key, count.checked_sub(before).unwrap_or(count))
    });
    grown.filter(|(_, count)| *count > 0).collect()
}
