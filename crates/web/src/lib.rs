//! Shows a node over HTTP: a page for people, an API for the page, and the routes that
//! Locust's clients call.
//!
//! It runs apart from Python, so the page answers while scripts burn the processor. It reads the
//! snapshots a node publishes and nothing else; what has to be done is asked of the [`Script`].

mod site;

mod guard;
mod page;
mod script;

mod about;
mod api;
mod board;
mod recent;
mod rows;
mod stream;

mod csv;
mod flask;
mod form;
mod locust;

pub use about::{About, Defaults, Task, UserClass};
pub use script::{Answer, BoxFuture, Script};
pub use site::{Options, Site, bind, serve};
