//! Workers on this machine: `--processes N`. Each is a process of its own, started like this one but with `--worker`.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Environment variable of a child: which of how many it is, from 0, with a slash between.
const CHILD: &str = "KATYDID_CHILD";
/// How long children may take to end by themselves before they are killed.
const GRACE: Duration = Duration::from_secs(3);
/// How often they are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// Starts a worker for the master on this port.
pub(super) fn start(
    (launcher, command): (&[String], &[String]),
    port: u16,
    number: usize,
    count: usize,
) -> io::Result<Child> {
    let program = match launcher.first() {
        Some(program) => program.into(),
        None => std::env::current_exe()?,
    };
    Command::new(program)
        .args(launcher.iter().skip(1))
        .args(arguments(command))
        .args(["--worker", "--master-host", "127.0.0.1", "--master-port"])
        .arg(port.to_string())
        .env(CHILD, format!("{number}/{count}"))
        // What makes the parent one must not make its children such.
        .env_remove("KATYDID_PROCESSES")
        .env_remove("LOCUST_PROCESSES")
        .stdin(Stdio::null())
        .spawn()
}

/// The parent's arguments, less what makes it the parent.
fn arguments(command: &[String]) -> Vec<String> {
    const WITH_VALUES: [&str; 3] = ["--processes", "--master-host", "--master-port"];
    let mut kept = Vec::new();
    let mut given = command.iter().skip(1);
    while let Some(word) = given.next() {
        let (name, value) = word
            .split_once('=')
            .map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if WITH_VALUES.contains(&name) {
            if value.is_none() {
                given.next();
            }
        } else if !matches!(name, "--worker" | "--slave" | "--master") {
            kept.push(word.clone());
        }
    }
    kept
}

/// Waits a little for the children to end, then kills them.
pub(super) async fn end(mut children: Vec<Child>) {
    let mut waited = Duration::ZERO;
    while waited < GRACE {
        // One that cannot be asked has ended.
        children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if children.is_empty() {
            return;
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
    for mut child in children {
        child.kill().ok();
        child.wait().ok();
    }
}

/// Which of how many this process is.
fn place() -> (u64, u64) {
    let text = std::env::var(CHILD).unwrap_or_default();
    let place = text.split_once('/');
    let place = place.and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
    place.filter(|(_, count)| *count > 0).unwrap_or((0, 1))
}

/// How many processes share this machine's cores.
pub(super) fn siblings() -> usize {
    usize::try_from(place().1).unwrap_or(1)
}

/// This process's share of the iterations.
pub(super) fn share(iterations: Option<u64>) -> Option<u64> {
    let (number, count) = place();
    iterations.map(|all| all / count + u64::from(number < all % count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_get_what_does_not_make_the_parent_one() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let given = words("shop --headless --processes 2 -u 5 --master-port=7 --master");
        assert_eq!(arguments(&given), words("--headless -u 5"));
    }
}
