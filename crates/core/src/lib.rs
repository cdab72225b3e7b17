//! What a load test is, as plain values and arithmetic: no sockets, no Python, no clock.
//!
//! One request becomes one [`sample::Sample`], counted once by a [`recorder::Recorder`];
//! deltas are merged into [`stats::Stats`]; once a second everything is shown as one
//! immutable [`snapshot::Snapshot`]. How many users run is decided by [`dispatch::Dispatcher`].
//! Whoever needs the time passes it in.

pub mod arrival;
pub mod calendar;
pub mod iteration;
pub mod pace;
pub mod units;
pub mod window;

pub mod registry;
pub mod sample;
pub mod trip;

pub mod exponential;
pub mod histogram;
mod leb128;
pub mod locust;
pub mod per_second;

pub mod recorder;
pub mod stats;
pub mod steps;

pub mod compare;
pub mod crew;
pub mod dispatch;
pub mod failures;

pub mod fault;
pub mod fingerprint;
pub mod health;
pub mod heat;
pub mod log;
pub mod mark;
pub mod metrics;
pub mod series;
pub mod snapshot;
pub mod track;

pub mod threshold;

pub mod redact;
pub mod report;
