//! What a run came to, told in one file: HTML with charts, Markdown, CSV, JSON and `.hgrm`.
//!
//! A [`Report`] is plain values. They come from a run that is kept ([`Report::of_run`]), for any
//! stretch of it, or from the last picture of one that is not ([`Report::of_snapshot`]); everything
//! here shows the same values, so no two files can disagree.

mod charts;
pub mod comparison;
mod csv;
mod hgrm;
mod html;
mod markdown;
mod model;
mod numbers;
mod of_snapshot;
mod of_store;
mod svg;
mod words;

pub use charts::Chart;
pub use hgrm::hgrm;
pub use html::Look;
pub use katydid_store::Judged;
pub use model::{
    Baseline, Found, Happened, Raised, Report, Row, Sample, Step, Worker, fail_ratio, quantile,
};
pub use svg::{Bars, Heat, Scatter, Spectrum, TimeChart};
pub use words::Trust;
