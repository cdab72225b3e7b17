//! What this process uses of the machine, as Linux tells it; elsewhere nothing is known.

use std::fs;
use std::time::Duration;

/// `/proc` counts processor time in this unit on every architecture we build for (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// User and system time of all threads so far.
pub(crate) fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    parse_cpu_time(&stat).unwrap_or_default()
}

/// Resident memory in bytes.
pub(crate) fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    parse_memory(&status).unwrap_or_default()
}

/// Open files and the limit on them; none where counting them would cost too much.
///
/// Since Linux 6.2 the size of the directory is their number; before, it is zero.
pub(crate) fn files() -> Option<(u64, u64)> {
    let open = fs::metadata("/proc/self/fd").ok()?.len();
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let most = parse_file_limit(&limits)?;
    (open > 0).then_some((open, most))
}

/// The limit stands behind its name; it may also be the word "unlimited".
fn parse_file_limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time are the 14th and 15th field; the 2nd may hold blanks and brackets.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user.saturating_add(system))
}

/// The size stands in kibibytes, whatever the size of a page is.
fn parse_memory(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_brackets() {
        let stat = "12 (a) b) S 1 12 12 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 99 1000 10";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse_cpu_time(""), None);
    }

    #[test]
    fn the_limit_of_open_files_is_the_soft_one() {
        let limits =
            "Max processes  100 200 processes\nMax open files            1024       4096   files\n";
        assert_eq!(parse_file_limit(limits), Some(1024));
        assert_eq!(parse_file_limit("Max open files unlimited"), None);
    }

    #[test]
    fn memory_is_the_resident_size_in_bytes() {
        let status = "Name:\tkatydid\nVmRSS:\t    2048 kB\nThreads:\t3\n";
        assert_eq!(parse_memory(status), Some(2048 * 1024));
        assert_eq!(parse_memory("Name:\tkatydid\n"), None);
    }
}
