//! The users of many workers, added up as each of them changes.

use std::collections::BTreeMap;

use katydid_core::dispatch::Users;

/// Sums over all workers, without looking at all of them for every one that changes.
#[derive(Debug, Default)]
pub(crate) struct Crowd(BTreeMap<String, Class>);

/// The users of one class.
#[derive(Debug, Default)]
struct Class {
    /// Workers that have told of it, even if of no users.
    workers: u32,
    /// Workers are believed any number, so this is wider than theirs.
    users: u64,
}

impl Crowd {
    /// Adds a worker's users.
    pub(crate) fn join(&mut self, users: &Users) {
        for (name, &count) in users {
            if let Some(class) = self.0.get_mut(name) {
                class.workers += 1;
                class.users += u64::from(count);
            } else {
                let class = Class {
                    workers: 1,
                    users: count.into(),
                };
                self.0.insert(name.clone(), class);
            }
        }
    }

    /// Takes away a worker's users, which must be those it had when it was last added.
    pub(crate) fn leave(&mut self, users: &Users) {
        for (name, &count) in users {
            if let Some(class) = self.0.get_mut(name) {
                class.workers -= 1;
                class.users -= u64::from(count);
                if class.workers == 0 {
                    self.0.remove(name);
                }
            }
        }
    }

    /// All users, by class.
    pub(crate) fn users(&self) -> Users {
        let classes = self.0.iter();
        classes
            .map(|(name, class)| (name.clone(), saturated(class.users)))
            .collect()
    }

    /// How many users there are.
    pub(crate) fn count(&self) -> u32 {
        saturated(self.0.values().map(|class| class.users).sum())
    }
}

fn saturated(users: u64) -> u32 {
    u32::try_from(users).unwrap_or(u32::MAX)
}
