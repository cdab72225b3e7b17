//! Seconds and stores for tests.

use katydid_core::histogram::Histogram;
use katydid_core::units::Micros;
use katydid_core::window::{Count, Second, Window};
use tempfile::{TempDir, tempdir};

use crate::Store;

/// A second in which requests of names took these times.
pub(crate) fn second(t: u64, requests: &[(u32, u64)]) -> Second {
    let mut window = Window::default();
    for &(name, time) in requests {
        let mut ok = Histogram::default();
        ok.record(Micros::from_micros(time));
        let count = Count {
            requests: 1,
            ok,
            ..Count::default()
        };
        window.counts.entry(name).or_default().merge(&count);
    }
    Second {
        t,
        users: 1,
        wanted: 1,
        window,
    }
}

/// A store in a folder that goes with it.
pub(crate) fn store() -> (TempDir, Store) {
    let folder = tempdir().unwrap();
    let store = Store::open(&folder.path().join("runs.db")).unwrap();
    (folder, store)
}
