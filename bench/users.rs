//! Users in Rust as the benchmark runs them: `make bench`.

use std::fs;
use std::io::Write as _;

use katydid::prelude::*;

#[katydid::main]
fn test() -> Test {
    Test::new()
        .name("bench")
        .user(
            // It is the first to be stopped, while all others are there.
            User::new("Meter")
                .fixed(1)
                .wait(constant(60.mins()))
                .task(1, rest)
                .on_stop(measure),
        )
        .user(User::http("Asking").task(1, ask))
        .user(User::new("Counting").task(1, count))
        .user(
            User::http("Connected")
                .wait(constant(60.mins()))
                .task(1, ask),
        )
        .user(
            User::new("Sleeping")
                .wait(constant(60.mins()))
                .task(1, rest),
        )
}

async fn ask(u: &mut HttpUser) -> TaskResult {
    u.get("/").await?;
    Ok(())
}

async fn count(u: &mut HttpUser) -> TaskResult {
    u.count("GET", "counted", Some(1.millis()), 0, None);
    Ok(())
}

async fn rest(_: &mut HttpUser) -> TaskResult {
    Ok(())
}

/// Prints what the process holds, in bytes.
async fn measure(_: &mut HttpUser) -> TaskResult {
    let status = fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes: u64 = size
        .and_then(|size| size.split_whitespace().next()?.parse().ok())
        .unwrap_or(0);
    writeln!(std::io::stdout(), "MEMORY {}", kibibytes * 1024)?;
    Ok(())
}
