//! Locust's numbers: rounded response times, its percentiles, averages and rates.
//!
//! Everything that Locust's tables, JSON, CSV, wire and Python objects fix is computed here
//! from the same entries our own pages show unrounded.

mod buckets;
mod recent;
mod view;

pub use buckets::Buckets;
pub use recent::Recent;
pub use view::View;
