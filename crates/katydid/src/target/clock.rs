//! The target's only clock: nanoseconds of wall-clock time that never step.
//!
//! The wall clock is read once, at the first call; from then on the monotonic
//! clock is added to it. So stamps can be compared with those of another
//! process on the same machine, and differences between them are exact even
//! when the wall clock is set meanwhile.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the Unix epoch.
pub(crate) type Stamp = u64;

struct Base {
    started: Instant,
    epoch: Stamp,
}

static BASE: LazyLock<Base> = LazyLock::new(Base::take);

impl Base {
    #[expect(
        clippy::disallowed_methods,
        reason = "the target's stamps are its purpose"
    )]
    fn take() -> Self {
        let epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            epoch: saturate(epoch.as_nanos()),
        }
    }
}

/// The time now.
pub(crate) fn now() -> Stamp {
    BASE.epoch + saturate(BASE.started.elapsed().as_nanos())
}

fn saturate(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}
