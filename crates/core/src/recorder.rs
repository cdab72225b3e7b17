//! Counts requests on the thread that made them.
//!
//! Each thread owns one [`Recorder`]; nothing in it is shared, so recording never waits. The
//! thread hands over with [`Recorder::take`] on its tick. Totals are added up there and not
//! for every request; percentiles and rates are nobody's business here.

use std::collections::BTreeMap;

use crate::registry::ErrorId;
use crate::sample::Sample;
use crate::stats::{Entry, ErrorCount, Stats};
use crate::trip::Trip;

/// What one thread has counted since it last handed over.
#[derive(Debug, Default)]
pub struct Recorder {
    /// By [`crate::registry::KeyId::index`].
    entries: Vec<Option<Box<Entry>>>,
    errors: BTreeMap<ErrorId, ErrorCount>,
    is_empty: bool,
}

impl Recorder {
    /// A recorder that has counted nothing.
    pub fn new() -> Self {
        Self {
            is_empty: true,
            ..Self::default()
        }
    }

    /// Counts one sample; allocates only for what was not met since the last hand-over.
    pub fn record(&mut self, sample: &Sample) {
        self.is_empty = false;
        self.entry(sample.key.index()).record(sample);
        if let Some(error) = sample.error {
            let once = ErrorCount::once(sample.at);
            let counted = self.errors.entry(error);
            counted
                .and_modify(|counted| counted.merge(&once))
                .or_insert(once);
        }
    }

    /// Counts one sample of a request of which the wire told more.
    pub fn record_trip(&mut self, sample: &Sample, trip: &Trip) {
        self.record(sample);
        self.entry(sample.key.index()).trips.record(trip);
    }

    /// Whether there is nothing to hand over.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Hands over what was counted and starts again from nothing.
    pub fn take(&mut self) -> Stats {
        self.is_empty = true;
        let entries = self.entries.iter_mut().map(Option::take);
        Stats::of(entries, std::mem::take(&mut self.errors))
    }

    fn entry(&mut self, index: usize) -> &mut Entry {
        if index >= self.entries.len() {
            self.entries.resize_with(index + 1, || None);
        }
        self.entries[index].get_or_insert_default()
    }
}
