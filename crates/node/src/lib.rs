//! The roles a process plays in a run, each one state and one function that changes it.
//!
//! [`local::Local`] is the whole state of a run without workers and says, for every
//! [`Event`], which [`Action`]s follow. It knows no clock, no thread and no Python, so a
//! test can play any run by handing in events. [`run::Node`] is what drives it in earnest.

mod book;
mod event;
mod exceptions;
mod load;
mod seconds;

pub mod local;
pub mod run;

pub use event::{Action, Event, Now};
pub use katydid_core::dispatch::Class as ClassSpec;
