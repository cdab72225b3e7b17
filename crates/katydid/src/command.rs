//! The command line of a test: from its options to its exit code.
//!
//! - `given`: the options, as they are given on the command line, by the environment and in files
//! - `files`: those files
//! - `settings`: what they mean
//! - `console`: the log, the tables and the line that is always current
//! - `desk`: what the page asks for
//! - `prepare`, `run`, `end`: one run of the command
//! - `calls`: what the page has it do
//! - `page`: what the page, the store and collectors of metrics are told
//! - `fleet`, `children`: masters and workers, on other machines and on this one
//! - `rates`: iterations that begin at a rate, on all workers together
//! - `output`: what is printed and written at the end

mod calls;
mod children;
mod console;
mod desk;
mod end;
mod files;
mod fleet;
mod given;
mod output;
mod page;
mod prepare;
mod rates;
mod run;
mod settings;

use std::process::ExitCode;

use given::Mode;
use katydid_host::vital;
use settings::Settings;
use tokio::task::{JoinHandle, spawn_local};

use crate::test::Test;

/// Runs a test as the command line of this process says, and tells its exit code.
///
/// [`#[katydid::main]`](macro@crate::main) calls it.
pub fn main(make: impl FnOnce() -> Test) -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let code = run_with(&arguments, make);
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Runs a test with these arguments, the first of which is the program's name; the exit code.
pub fn run_with(arguments: &[String], make: impl FnOnce() -> Test) -> i32 {
    let program = arguments.first().map_or("katydid", String::as_str);
    let program = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let settings = given::parse(program, arguments, Mode::Test)
        .and_then(|given| Settings::of(given, make(), program));
    match settings {
        Ok(settings) => run::run(settings),
        Err(problem) => problem.tell(),
    }
}

/// Sends requests for URLs as these words of the command line say; the exit code.
///
/// `launcher` is the command that would run them again, where that is not this program alone.
pub fn run_urls(launcher: &[String], words: &[String]) -> i32 {
    let mut arguments = vec!["katydid".to_owned()];
    arguments.extend_from_slice(words);
    let settings = given::parse("katydid", &arguments, Mode::Urls).and_then(|mut given| {
        given.launcher = launcher.to_vec();
        Settings::of_urls(given)
    });
    match settings {
        Ok(settings) => run::run(settings),
        Err(problem) => problem.tell(),
    }
}

/// Has a part of the run go on beside the others; the run does not go on without it.
fn spawn(work: impl Future<Output = ()> + 'static) -> JoinHandle<()> {
    spawn_local(vital::task("a part of the run", work))
}
