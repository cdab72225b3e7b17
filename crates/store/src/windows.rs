//! What was counted in the seconds of runs.
//!
//! Seconds are the truth. As soon as a minute is over, its seconds become one row, which takes much
//! less space, and their sum another; so does the sum of an hour. If seconds arrive late, they stand
//! by themselves, and the sums that lack them are forgotten: whoever reads then adds up the seconds.

use std::collections::{BTreeMap, BTreeSet};

use katydid_core::window::{Second, Window, WindowError};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::packed::{pack, unpack};
use crate::runs::{WriteError, int, unsigned};
use crate::{Store, StoreError};

pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3_600;

/// Sees to it that minutes and hours of a run are put together when they are over.
#[derive(Debug, Default)]
pub struct Sums {
    /// The newest minute so far.
    minute: Option<u64>,
}

impl Sums {
    /// Puts together what is over when this second begins.
    pub(crate) fn follow(
        &mut self,
        connection: &Connection,
        run: &str,
        t: u64,
    ) -> Result<(), WriteError> {
        let minute = t - t % MINUTE;
        if self.minute.is_none_or(|newest| newest < minute) {
            // Also what a process has left that was killed.
            close(connection, run, minute)?;
            self.minute = Some(minute);
        }
        Ok(())
    }
}

impl Store {
    /// What was counted from one second up to another, that one not included.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn window(&self, run: &str, from: u64, to: u64) -> Result<Window, StoreError> {
        let window = window(&self.connection, run, from, to);
        window.map_err(|error| self.unread(error))
    }

    /// The seconds of a run from one on, up to another. A long run has more of them than should be in
    /// memory at once: see [`Store::each_second`].
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn seconds(&self, run: &str, from: u64, to: u64) -> Result<Vec<Second>, StoreError> {
        let mut seconds = Vec::new();
        self.each_second(run, from, to, |second| seconds.push(second))?;
        Ok(seconds)
    }

    /// Shows the seconds of a run from one on, up to another, one after the other.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn each_second(
        &self,
        run: &str,
        from: u64,
        to: u64,
        see: impl FnMut(Second),
    ) -> Result<(), StoreError> {
        let seen = each_second(&self.connection, run, from, to, see);
        seen.map_err(|error| self.unread(error))
    }

    pub(crate) fn unread(&self, error: WriteError) -> StoreError {
        match error {
            WriteError::Sqlite(error) => StoreError::of(&self.path, error),
            WriteError::Window(_) | WriteError::Fact(_) => StoreError::Foreign(self.path.clone()),
        }
    }
}

/// Adds what was counted in a second to what another process has counted in it.
pub(crate) fn add_second(
    connection: &Connection,
    run: &str,
    second: &Second,
) -> Result<(), WriteError> {
    let known = "SELECT data FROM window WHERE run = ? AND step = 1 AND t = ?";
    let known: Option<Vec<u8>> = connection
        .prepare_cached(known)?
        .query_row(params![run, int(second.t)], |row| row.get(0))
        .optional()?;
    let data = match known {
        None => second.window.to_bytes(),
        Some(data) => {
            let mut sum = window_of(&data)?;
            sum.merge(&second.window);
            sum.to_bytes()
        }
    };
    let users = (second.users, second.wanted);
    put(connection, run, 1, second.t, users, &data)?;
    // Sums of which it is a part lack it.
    let forget = "DELETE FROM window WHERE run = ? AND step = ? AND t = ?";
    let mut forget = connection.prepare_cached(forget)?;
    for step in [MINUTE, HOUR] {
        let t = second.t - second.t % step;
        forget.execute(params![run, int(step), int(t)])?;
    }
    Ok(())
}

/// Puts together what is over when a minute begins.
pub(crate) fn close(connection: &Connection, run: &str, next: u64) -> Result<(), WriteError> {
    let open = "SELECT DISTINCT t - t % 60 FROM window WHERE run = ? AND step = 1 AND t < ?";
    let minutes: Vec<i64> = connection
        .prepare_cached(open)?
        .query_map(params![run, int(next)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut hours = BTreeSet::new();
    for minute in minutes.into_iter().map(unsigned) {
        close_minute(connection, run, minute)?;
        hours.insert(minute - minute % HOUR);
    }
    for hour in hours.into_iter().filter(|hour| hour + HOUR <= next) {
        close_hour(connection, run, hour)?;
    }
    Ok(())
}

/// Puts the seconds of a minute together that stand by themselves.
fn close_minute(connection: &Connection, run: &str, minute: u64) -> Result<(), WriteError> {
    let seconds = minute_of(connection, run, minute)?;
    let forget = "DELETE FROM window WHERE run = ? AND step = 1 AND t >= ? AND t < ?";
    let mut forget = connection.prepare_cached(forget)?;
    forget.execute(params![run, int(minute), int(minute + MINUTE)])?;
    put_minute(connection, run, minute, &seconds)
}

/// Writes a minute and its sum.
pub(crate) fn put_minute(
    connection: &Connection,
    run: &str,
    minute: u64,
    seconds: &BTreeMap<u64, Second>,
) -> Result<(), WriteError> {
    let data = pack(&Second::all_to_bytes(seconds.values()));
    let write = "INSERT OR REPLACE INTO minute (run, t, data) VALUES (?, ?, ?)";
    connection
        .prepare_cached(write)?
        .execute(params![run, int(minute), data])?;
    let mut sum = Window::default();
    for second in seconds.values() {
        sum.merge(&second.window);
    }
    put(
        connection,
        run,
        MINUTE,
        minute,
        (0, 0),
        &pack(&sum.to_bytes()),
    )
}

/// Adds up an hour that is over.
pub(crate) fn close_hour(connection: &Connection, run: &str, hour: u64) -> Result<(), WriteError> {
    let sum = window(connection, run, hour, hour + HOUR)?;
    put(connection, run, HOUR, hour, (0, 0), &pack(&sum.to_bytes()))
}

fn put(
    connection: &Connection,
    run: &str,
    step: u64,
    t: u64,
    (users, wanted): (u32, u32),
    data: &[u8],
) -> Result<(), WriteError> {
    let put = "INSERT OR REPLACE INTO window (run, step, t, users, wanted, data)
        VALUES (?, ?, ?, ?, ?, ?)";
    let row = params![run, int(step), int(t), users, wanted, data];
    connection.prepare_cached(put)?.execute(row)?;
    Ok(())
}

pub(crate) fn window(
    connection: &Connection,
    run: &str,
    from: u64,
    to: u64,
) -> Result<Window, WriteError> {
    let mut sum = Window::default();
    let mut stretches = vec![(from, to)];
    for step in [HOUR, MINUTE] {
        let mut rest = Vec::new();
        for (from, to) in stretches {
            let mut next = from;
            each_sum(connection, run, step, from, to, |t, window| {
                if next < t {
                    rest.push((next, t));
                }
                sum.merge(&window);
                next = t + step;
            })?;
            if next < to {
                rest.push((next, to));
            }
        }
        stretches = rest;
    }
    for (from, to) in stretches {
        each_second(connection, run, from, to, |second| {
            sum.merge(&second.window);
        })?;
    }
    Ok(sum)
}

/// Shows the sums of one step that lie within a stretch.
fn each_sum(
    connection: &Connection,
    run: &str,
    step: u64,
    from: u64,
    to: u64,
    mut see: impl FnMut(u64, Window),
) -> Result<(), WriteError> {
    let last = to.saturating_sub(step);
    if to < step || last < from {
        return Ok(());
    }
    let some = "SELECT t, data FROM window
        WHERE run = ? AND step = ? AND t >= ? AND t <= ? ORDER BY t";
    let mut some = connection.prepare_cached(some)?;
    let mut rows = some.query(params![run, int(step), int(from), int(last)])?;
    while let Some(row) = rows.next()? {
        let t: i64 = row.get(0)?;
        let data: Vec<u8> = row.get(1)?;
        see(unsigned(t), window_of(&data)?);
    }
    Ok(())
}

fn each_second(
    connection: &Connection,
    run: &str,
    from: u64,
    to: u64,
    mut see: impl FnMut(Second),
) -> Result<(), WriteError> {
    if to <= from {
        return Ok(());
    }
    let minutes = "SELECT t - t % 60 FROM window WHERE run = ?1 AND step = 1 AND t >= ?2 AND t < ?3
        UNION SELECT t FROM minute WHERE run = ?1 AND t > ?2 - 60 AND t < ?3 ORDER BY 1";
    let minutes: Vec<i64> = connection
        .prepare_cached(minutes)?
        .query_map(params![run, int(from), int(to)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for minute in minutes {
        let seconds = minute_of(connection, run, unsigned(minute))?;
        let within = seconds.into_iter().filter(|(t, _)| (from..to).contains(t));
        within.for_each(|(_, second)| see(second));
    }
    Ok(())
}

/// The first second that a run has, and the first one after it; none if it has none.
pub(crate) fn span(connection: &Connection, run: &str) -> Result<Option<(u64, u64)>, WriteError> {
    let ends = "SELECT min(t), max(t) FROM (
        SELECT t - t % 60 AS t FROM window WHERE run = ?1 AND step = 1
        UNION ALL SELECT t FROM minute WHERE run = ?1)";
    let (first, last): (Option<i64>, Option<i64>) = connection
        .prepare_cached(ends)?
        .query_row([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some((first, last)) = first.zip(last) else {
        return Ok(None);
    };
    let first = minute_of(connection, run, unsigned(first))?;
    let last = minute_of(connection, run, unsigned(last))?;
    let end = last.last_key_value().map(|(t, _)| t.saturating_add(1));
    Ok(first.first_key_value().map(|(&t, _)| t).zip(end))
}

/// The seconds of a minute, those that stand together and those that stand by themselves.
fn minute_of(
    connection: &Connection,
    run: &str,
    minute: u64,
) -> Result<BTreeMap<u64, Second>, WriteError> {
    let mut seconds = BTreeMap::<u64, Second>::new();
    let closed = "SELECT data FROM minute WHERE run = ? AND t = ?";
    let closed: Option<Vec<u8>> = connection
        .prepare_cached(closed)?
        .query_row(params![run, int(minute)], |row| row.get(0))
        .optional()?;
    if let Some(data) = closed {
        for second in seconds_of(&data)? {
            // A stranger's file may hold seconds of another minute here.
            if second.t - second.t % MINUTE == minute {
                seconds.insert(second.t, second);
            }
        }
    }
    let open = "SELECT t, users, wanted, data FROM window
        WHERE run = ? AND step = 1 AND t >= ? AND t < ?";
    let mut open = connection.prepare_cached(open)?;
    let end = minute.saturating_add(MINUTE);
    let mut rows = open.query(params![run, int(minute), int(end)])?;
    while let Some(row) = rows.next()? {
        let mut second = second(row)?;
        if let Some(before) = seconds.get(&second.t) {
            second.window.merge(&before.window);
        }
        seconds.insert(second.t, second);
    }
    Ok(seconds)
}

fn second(row: &Row<'_>) -> Result<Second, WriteError> {
    let number = |index| row.get::<_, i64>(index);
    let data: Vec<u8> = row.get(3)?;
    Ok(Second {
        t: unsigned(number(0)?),
        users: u32::try_from(number(1)?).unwrap_or(0),
        wanted: u32::try_from(number(2)?).unwrap_or(0),
        window: window_of(&data)?,
    })
}

fn window_of(data: &[u8]) -> Result<Window, WriteError> {
    Ok(Window::from_bytes(&unpack(data).unwrap_or_default())?)
}

/// The seconds of a minute's row.
fn seconds_of(data: &[u8]) -> Result<Vec<Second>, WindowError> {
    Second::all_from_bytes(&unpack(data).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::News;
    use crate::testing::{second, store};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_window_counts_what_all_requests_in_it_count(
            start in 0_u64..8_000,
            requests in prop::collection::btree_map(0_u64..9_000, prop::collection::vec((0_u32..3, 1_u64..1_000_000), 1..4), 1..300),
            from in 0_u64..18_000,
            length in 0_u64..18_000,
            pieces in 1_usize..4,
        ) {
            let (_folder, mut store) = store();
            store.begin_run("one", 0, "{}", 0).unwrap();
            let seconds: Vec<_> = requests.iter().map(|(t, all)| second(start + t, all)).collect();
            let mut sums = Sums::default();
            for chunk in seconds.chunks(seconds.len().div_ceil(pieces)) {
                let news = News { seconds: chunk.to_vec(), ..News::default() };
                store.record("one", &news, &mut sums).unwrap();
                // Another process goes on with it.
                sums = Sums::default();
            }
            let to = from + length;
            let mut expected = Window::default();
            for second in seconds.iter().filter(|second| (from..to).contains(&second.t)) {
                expected.merge(&second.window);
            }
            prop_assert_eq!(store.window("one", from, to).unwrap(), expected);
        }
    }

    #[test]
    fn a_day_is_read_from_few_rows() {
        let (_folder, mut store) = store();
        store.begin_run("one", 0, "{}", 0).unwrap();
        let mut sums = Sums::default();
        let seconds = (0..7_300).map(|t| second(t, &[(1, t + 1)])).collect();
        let news = News {
            seconds,
            ..News::default()
        };
        store.record("one", &news, &mut sums).unwrap();
        let rows = |step: u64| -> i64 {
            let count = "SELECT count(*) FROM window WHERE step = ?";
            store
                .connection
                .query_row(count, [int(step)], |row| row.get(0))
                .unwrap()
        };
        assert_eq!((rows(3_600), rows(60), rows(1)), (2, 121, 40));
        let all = store.window("one", 0, 10_000).unwrap();
        assert_eq!(all.total().requests, 7_300);
    }

    #[test]
    fn what_another_process_counted_in_the_same_second_stays() {
        let (_folder, mut store) = store();
        store.begin_run("one", 0, "{}", 0).unwrap();
        for requests in [&[(1, 5), (2, 7)][..], &[(1, 9)]] {
            let news = News {
                seconds: vec![second(70, requests)],
                ..News::default()
            };
            store.record("one", &news, &mut Sums::default()).unwrap();
        }
        let window = store.window("one", 0, 100).unwrap();
        assert_eq!(window.counts[&1].requests, 2);
        assert_eq!(window.total().requests, 3);
    }

    #[test]
    fn what_could_not_be_written_can_be_written_later() {
        let (_folder, mut store) = store();
        store.begin_run("one", 0, "{}", 0).unwrap();
        let mut sums = Sums::default();
        let news = |t| News {
            seconds: (t..t + 100).map(|t| second(t, &[(1, t + 1)])).collect(),
            ..News::default()
        };
        store.record("one", &news(0), &mut sums).unwrap();
        store
            .connection
            .execute_batch("PRAGMA query_only = 1")
            .unwrap();
        store.record("one", &news(100), &mut sums).unwrap_err();
        store
            .connection
            .execute_batch("PRAGMA query_only = 0")
            .unwrap();
        store.record("one", &news(100), &mut sums).unwrap();
        store.record("one", &news(200), &mut sums).unwrap();
        for (from, to) in [(0, 300), (30, 290), (100, 200), (119, 121)] {
            let window = store.window("one", from, to).unwrap();
            assert_eq!(window.total().requests, to - from, "{from} {to}");
        }
    }

    #[test]
    fn seconds_are_shown_in_their_order_whether_they_stand_together_or_not() {
        let (_folder, mut store) = store();
        store.begin_run("one", 0, "{}", 0).unwrap();
        let mut sums = Sums::default();
        let seconds: Vec<_> = (50..130).map(|t| second(t, &[(1, t)])).collect();
        let news = News {
            seconds: seconds.clone(),
            ..News::default()
        };
        store.record("one", &news, &mut sums).unwrap();
        // One arrives when its minute is closed.
        let late = News {
            seconds: vec![second(55, &[(2, 9)])],
            ..News::default()
        };
        store.record("one", &late, &mut sums).unwrap();
        let read = store.seconds("one", 52, 128).unwrap();
        let mut expected = seconds[2..78].to_vec();
        expected[3].window.merge(&late.seconds[0].window);
        assert_eq!(read, expected);
        assert_eq!(store.window("one", 0, 200).unwrap().total().requests, 81);
        let ended = News {
            has_ended: true,
            ..News::default()
        };
        store.record("one", &ended, &mut sums).unwrap();
        assert_eq!(store.seconds("one", 52, 128).unwrap(), expected);
        assert_eq!(store.window("one", 0, 200).unwrap().total().requests, 81);
    }
}
