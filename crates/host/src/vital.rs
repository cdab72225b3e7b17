//! What the process cannot do without: where it fails, the process ends at once and says so.
//!
//! A thread or a task that panics is otherwise just gone, and those who wait for it wait for ever: a run without its
//! clock has no end. What was counted up to the last second is in the store, and a master that is started again goes on
//! with its run.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::thread::{self, JoinHandle};

/// Exit code of a process that has ended this way, the one of Rust's own panics.
const FAILED: i32 = 101;

/// Ends the process if a panic drops it, and does nothing otherwise.
struct Guard(Cow<'static, str>);

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            // What has gone wrong, and where, was printed by the panic itself.
            let text = "cannot go on without it. This is a fault of Katydid's; please report it with the lines above.";
            writeln!(
                io::stderr(),
                "katydid: {} failed, and the process {text}",
                self.0
            )
            .ok();
            std::process::exit(FAILED);
        }
    }
}

/// Starts a thread of this name.
///
/// # Errors
///
/// The system's, if there cannot be another thread.
pub fn thread<T: Send + 'static>(
    name: impl Into<Cow<'static, str>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let name = name.into();
    let named = thread::Builder::new().name(name.to_string());
    named.spawn(move || {
        let _guard = Guard(name);
        work()
    })
}

/// A task that must not fail. Being dropped is no failure.
pub async fn task<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let _guard = Guard(name.into());
    work.await
}
