//! Tells a run's metrics to collectors while it runs.
//!
//! In reading order:
//!
//! - [`settings`]: which collectors, from the command line and the environment
//! - [`Push`]: the thread that looks at the node's snapshot once an interval and makes reports of it
//! - `otlp`, `influx`, `statsd`: a report in each format
//! - `interval`: what was counted between two reports
//! - `queue`: reports that wait for a collector, bounded
//! - `deliver`, `post`: sends them, tries again, and gives up
//! - `course`: what of that is told in the log
//!
//! All of it is on a thread of its own: a collector that is slow, dead or talks nonsense costs
//! nothing but its reports.

mod course;
mod deliver;
mod influx;
mod interval;
mod otlp;
mod post;
mod push;
mod queue;
pub mod settings;
mod statsd;

pub use push::{Level, Push, Tell};
pub use settings::{Given, Settings};
