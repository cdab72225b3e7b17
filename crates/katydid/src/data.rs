//! Data that users share: accounts to log in with, things to search for.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::session::Context;

/// Items that all users of a process take from. Clones share them.
///
/// ```
/// use katydid::prelude::*;
///
/// let accounts = Feed::of(["ada", "grace", "edsger"]);
/// let user = User::http("Shopper").on_start(async move |u: &mut HttpUser| {
///     // Each user gets the next one, the fourth the first again.
///     let name = accounts.next().unwrap();
///     u.post("/login").form(&[("name", *name)]).await?;
///     Ok(())
/// });
/// # let _ = user;
/// ```
#[derive(Debug)]
pub struct Feed<T> {
    items: Arc<[T]>,
    taken: Arc<AtomicUsize>,
}

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self {
            items: Arc::clone(&self.items),
            taken: Arc::clone(&self.taken),
        }
    }
}

impl<T> Feed<T> {
    /// These items.
    pub fn of(items: impl IntoIterator<Item = T>) -> Self {
        Self {
            items: items.into_iter().collect(),
            taken: Arc::default(),
        }
    }

    /// The next item; after the last one the first again. None if there are none at all.
    pub fn next(&self) -> Option<&T> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        self.items.get(number.checked_rem(self.items.len())?)
    }

    /// The next item, each only once: none when all are taken.
    pub fn next_unused(&self) -> Option<&T> {
        let next = |taken: usize| (taken < self.items.len()).then_some(taken + 1);
        let number = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        self.items.get(number.ok()?)
    }

    /// One of them by chance; none if there are none.
    pub fn any(&self, user: &Context) -> Option<&T> {
        user.pick(&self.items)
    }

    /// All of them.
    pub fn all(&self) -> &[T] {
        &self.items
    }
}

impl Feed<String> {
    /// The lines of a file, those that are empty left out.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn lines(path: impl AsRef<Path>) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(Self::of(lines.map(str::to_owned)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_in_turn_or_once() {
        let feed = Feed::of([1, 2]);
        let turns: Vec<_> = (0..3).map(|_| *feed.clone().next().unwrap()).collect();
        assert_eq!(turns, [1, 2, 1]);
        let feed = Feed::of([1, 2]);
        let once: Vec<_> = (0..3).map(|_| feed.next_unused().copied()).collect();
        assert_eq!(once, [Some(1), Some(2), None]);
        assert_eq!(Feed::<u8>::of([]).next(), None);
    }
}
