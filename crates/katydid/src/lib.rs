//! The demo target, and what the command line is made of.
//!
//! [`target`] is a small HTTP server with exact ground truth: what a newcomer
//! aims a first test at, and what the accuracy proofs compare with.
//! [`options`] defines every command-line option once; the Python argument
//! parser is built from that table, so this crate parses none of them itself.
//! [`runs`] looks at runs that are kept.
//! [`shell`] makes completions and the manual page of it. [`timespan`] reads the lengths of time that options such as `--run-time`
//! accept.

pub mod options;
pub mod runs;
pub mod shell;
pub mod target;
pub mod timespan;
