//! What a run is shown as outside the page.

pub mod text;
pub mod thresholds;
pub mod words;
