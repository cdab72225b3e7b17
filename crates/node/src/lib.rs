//! The roles a process plays in a run, each one state and one function that changes it.
//!
//! [`local::Local`] is the whole state of a run without workers, [`master::Master`] of one with
//! workers; each says, for every [`Event`], which [`Action`]s follow. They know no clock, no thread and no
//! Python, so a test can play any run by handing in events. [`run::Node`] drives them in earnest.

mod book;
mod clock;
mod crowd;
mod event;
mod exceptions;
mod load;
mod losses;
pub mod numbers;
pub mod record;
mod seconds;
mod thresholds;
mod tracks;

pub mod checkpoint;
pub mod fleet;
pub mod link;
pub mod local;
pub mod master;
pub mod run;

pub use event::{Action, Event, Notice, Now};
pub use katydid_core::dispatch::Class as ClassSpec;
