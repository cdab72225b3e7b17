//! The cases of `load.py` as users in Rust, which name the kinds of users to play.

use std::error::Error;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use katydid::prelude::*;

/// Users that have their connection, and users that have asked all they were to ask.
static READY: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

#[katydid::main]
fn test() -> Test {
    Test::new()
        .name("accuracy")
        .user(asking("Constant1", 2, 200, |_| "/latency?ms=1.000"))
        .user(asking("Constant137", 4, 10, |_| "/latency?ms=137"))
        .user(asking("Constant1050", 8, 2, |_| "/latency?ms=1050"))
        .user(asking("Mix", 10, 100, |_| "/latency?mix=api"))
        .user(asking(
            "SlowBody",
            4,
            3,
            |_| "/slow-body?bytes=100&chunks=5&ms=100",
        ))
        .user(
            // Every fifth request fails at once; under the same name as those that do not.
            asking("Mixed503", 5, 40, |left| match left % 5 {
                0 => "/status/503",
                _ => "/latency?ms=50",
            }),
        )
        .user(
            User::http("Freezing")
                .wait(constant(20.millis()))
                .task(1, async |u: &mut HttpUser| ask(u, 2, "frozen").await),
        )
        .user(User::http("Arriving").task(1, async |u: &mut HttpUser| ask(u, 2, "arriving").await))
        .user(
            User::new("Burning")
                .fixed(1)
                .wait(constant(100.millis()))
                .task(1, burn),
        )
        .user(
            User::http("Beside")
                .fixed(5)
                .wait(constant(10.millis()))
                .task(1, async |u: &mut HttpUser| ask(u, 20, "beside").await),
        )
        .user(User::new("Replayed").task(1, replay))
}

/// Users that ask so often, on a connection that is open before; the last one to end ends the run.
fn asking(name: &str, count: u32, requests: u32, path: fn(u32) -> &'static str) -> User<u32> {
    User::http(name)
        .state(move || requests)
        .fixed(count)
        .wait(constant(5.millis()))
        .on_start(connect)
        .task(1, async move |u: &mut HttpUser<u32>| {
            let users: usize = setting("USERS");
            if u.state == 0 {
                let is_last = ENDED.fetch_add(1, Ordering::Relaxed) + 1 == users;
                return Err(if is_last {
                    TaskError::end_test()
                } else {
                    TaskError::end_user()
                });
            }
            u.state -= 1;
            let path = path(u.state);
            let name = if path.starts_with("/status") || path.ends_with("ms=50") {
                "mixed"
            } else {
                path
            };
            u.get(path).name(name).await?;
            Ok(())
        })
}

/// Connecting counts as the client's time and the target cannot know it: it happens first. Then they begin one after
/// the other, since a crowd would queue at the target before it looks at its clock.
async fn connect(u: &mut HttpUser<u32>) -> TaskResult {
    u.get("/").await?;
    let place = READY.fetch_add(1, Ordering::Relaxed);
    let users: usize = setting("USERS");
    while READY.load(Ordering::Relaxed) < users {
        u.sleep(5.millis()).await;
    }
    u.sleep(Duration::from_millis(200) * u32::try_from(place)? / u32::try_from(users)?)
        .await;
    Ok(())
}

async fn ask(u: &HttpUser, milliseconds: u32, name: &str) -> TaskResult {
    u.get(format!("/latency?ms={milliseconds}"))
        .name(name)
        .await?;
    Ok(())
}

/// Burns 300 ms of its thread's time, beside those who ask.
async fn burn(_: &mut HttpUser) -> TaskResult {
    #[expect(clippy::disallowed_methods, reason = "it only burns time")]
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        std::hint::spin_loop();
    }
    Ok(())
}

/// Tells of the same samples however many workers there are: each takes its share of them.
async fn replay(u: &mut HttpUser) -> TaskResult {
    // Which of how many processes this is.
    let child = env::var("KATYDID_CHILD").unwrap_or_default();
    let index = child.split('/').next().and_then(|text| text.parse().ok());
    let index: usize = index.unwrap_or(0);
    let samples = fs::read_to_string(env::var("SAMPLES")?)?;
    for line in samples.lines().skip(index).step_by(setting("SHARES")) {
        let took = Duration::from_secs_f64(line.parse::<f64>()? / 1e3);
        u.count("GET", "replayed", Some(took), 7, None);
    }
    loop {
        u.sleep(60.secs()).await;
    }
}

/// What the environment says.
fn setting<T: FromStr<Err: Error>>(name: &str) -> T {
    let text = env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    text.parse()
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}
