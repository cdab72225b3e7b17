//! Shows a node over HTTP: a page for people, an API for the page, and the routes that
//! Locust's clients call.
//!
//! It runs apart from Python, so the page answers while scripts burn the processor. It reads the
//! snapshots a node publishes and nothing else; what has to be done is asked of the [`Script`].

mod guests;
mod port;
mod site;

mod gate;
mod guard;
mod login;
mod page;
mod script;

mod about;
mod api;
mod board;
mod command;
mod crew;
mod endpoint;
mod faults;
mod files;
mod history;
mod kept;
mod library;
mod recent;
mod rows;
mod stream;

mod csv;
mod document;
mod flask;
mod form;
mod locust;
mod metrics;
mod report;

pub use about::{About, Answers, Defaults, Pages, ScriptOption, Tags, Task, UserClass};
pub use csv::file_name;
pub use document::{Document, document};
pub use history::History;
pub use katydid_core::calendar::utc;
pub use login::{Access, user_line};
pub use port::{Tls, bind};
pub use report::{Telling, report};
pub use script::{Answer, BoxFuture, Page, PageBody, Script, Visit};
pub use site::{Options, Site, serve};
