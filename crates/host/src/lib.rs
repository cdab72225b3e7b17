//! What every process with a node needs around it, whoever its users are.
//!
//! - [`service`]: the service thread, which keeps the run's clock and serves the page
//! - [`fleet`]: masters and workers
//! - [`recorder`], [`journal`], [`scribe`]: what is written to the store, and by which thread
//! - [`vital`]: threads and tasks that must not fail
//! - [`verdict`], [`failure`], [`example`]: what is counted of an exchange, and how a failed one is called and shown
//! - [`latency`]: how a thread gets its turn in time
//! - [`machine`]: what the system says of this machine
//!
//! It knows no script: `py` and `katydid` bring the users.

mod chronicle;
pub mod example;
pub mod failure;
pub mod fleet;
pub mod journal;
pub mod latency;
pub mod machine;
pub mod recorder;
pub mod scribe;
pub mod service;
pub mod verdict;
pub mod vital;
