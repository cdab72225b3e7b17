//! Load tests as small Rust programs, on the engine that also runs Locust's scripts.
//!
//! A test says what its users do; the rest is there: starting and stopping them, counting, a page in the browser, tables on
//! the console, thresholds that decide about the exit code, a store of all runs, files for other programs.
//!
//! ```no_run
//! use katydid::prelude::*;
//!
//! #[katydid::main]
//! fn test() -> Test {
//!     Test::new().user(
//!         User::http("Shopper")
//!             .wait(between(1.secs(), 3.secs()))
//!             .on_start(login)
//!             .task(2, browse)
//!             .task(1, checkout),
//!     )
//! }
//!
//! async fn login(u: &mut HttpUser) -> TaskResult {
//!     u.post("/login").form(&[("name", "ada")]).await?;
//!     Ok(())
//! }
//!
//! async fn browse(u: &mut HttpUser) -> TaskResult {
//!     let page = u.get("/items?page=1").name("/items").await?;
//!     page.expect(page.status() == 200, "no list")?;
//!     Ok(())
//! }
//!
//! async fn checkout(u: &mut HttpUser) -> TaskResult {
//!     u.group("checkout", async |u| {
//!         u.post("/basket").json(&["shoes"]).await?;
//!         u.post("/pay").await?;
//!         Ok(())
//!     })
//!     .await
//! }
//! ```
//!
//! `cargo run --release -- --host https://shop.example` serves the page on port 8089; with `--headless -u 50 -r 10 -t 1m`
//! the test starts at once and ends by itself. `--help` lists all options.
//!
//! In reading order:
//!
//! - [`Test`]: a test, its kinds of users and what a run is judged by
//! - [`User`]: a kind of users; [`Flow`]: tasks inside tasks, and sequences of them
//! - [`HttpUser`]: a user at work; [`RequestBuilder`], [`Response`]: what it asks, and what comes back
//! - [`wait`]: how long users wait between tasks
//! - [`Shape`]: how many users there are over time
//! - [`data`]: data that users share
//! - [`mod@main`](macro@main): the command line
//!
//! Users are tasks of one runtime thread per core. Each thread has its own connections and counts, so that nothing a
//! request touches is shared; a test uses all cores without being told to.
//!
//! The crate also is the command `katydid`: [`target`] is a demo server with exact ground truth, [`runs`] looks at kept
//! runs, [`run_urls`] asks for URLs without a test, [`options`] defines every command-line option once, [`shell`] makes completions and the manual page of it.

mod command;
pub mod data;
mod engine;
mod flow;
pub mod options;
mod outcome;
pub mod prelude;
mod request;
mod response;
pub mod runs;
mod session;
mod shape;
pub mod shell;
pub mod target;
mod test;
pub mod timespan;
mod urls;
mod user;
pub mod wait;

pub use command::{main as run, run_urls, run_with};
pub use flow::{Flow, Function, IntoTask, Itself, Task, task};
pub use http;
pub use katydid_core::arrival::{Schedule, Spacing};
pub use katydid_macros::main;
pub use outcome::{TaskError, TaskResult};
pub use request::{RequestBuilder, RequestError};
pub use response::{CheckFailed, Response};
pub use session::{Context, HttpUser, Recorded};
pub use shape::{Load, Shape, Stages};
pub use test::Test;
pub use urls::is_url_mode;
pub use user::User;

/// What the macro needs.
#[doc(hidden)]
pub mod hidden {
    pub use mimalloc::MiMalloc;
}

/// The guide's test is one that compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust.md")]
struct Guide;
