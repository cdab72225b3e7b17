//! What people say about runs.

use std::collections::BTreeMap;

use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::packed::unpack;
use crate::{Store, StoreError};

/// What people have said about a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    /// What they call it; empty for nothing.
    pub title: String,
    /// What they want to know of it later.
    pub notes: String,
    /// What it belongs to.
    pub tags: Vec<String>,
    /// Whether later runs of its script are compared with it.
    pub is_baseline: bool,
}

impl Store {
    /// What was said about runs, by their ids.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn labels(&self) -> Result<BTreeMap<String, Label>, StoreError> {
        let all = "SELECT run.id, fact.data FROM run
            JOIN fact ON fact.run = run.id AND fact.kind = 'label'";
        let mut all = self.connection.prepare_cached(all).map_err(self.failed())?;
        let labels = all.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)));
        let labels = labels.and_then(|labels| {
            let read = labels.map(|row| {
                let (run, data) = row?;
                // What cannot be read says nothing.
                let json = unpack(&data).unwrap_or_default();
                Ok((run, serde_json::from_slice(&json).unwrap_or_default()))
            });
            read.collect()
        });
        labels.map_err(self.failed())
    }

    /// Says this about a run, in place of what was said before.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn set_label(&mut self, run: &str, label: &Label) -> Result<(), StoreError> {
        let data = serde_json::to_vec(label).unwrap_or_default();
        let put = "INSERT OR REPLACE INTO fact (run, kind, id, data) VALUES (?, 'label', 0, ?)";
        let put = self.connection.execute(put, params![run, data]);
        put.map_err(self.failed())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn a_label_is_of_its_run_until_that_is_deleted() {
        let folder = tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("runs.db")).unwrap();
        store.begin_run("one", 1, "{}", 1).unwrap();
        store.begin_run("two", 2, "{}", 2).unwrap();
        assert_eq!(store.labels().unwrap(), BTreeMap::new());
        let label = Label {
            title: "With \"quotes\" <b>".into(),
            tags: vec!["release".into()],
            is_baseline: true,
            ..Label::default()
        };
        store.set_label("one", &Label::default()).unwrap();
        store.set_label("one", &label).unwrap();
        let of = |store: &Store, run| store.run(Some(run), 3).unwrap().unwrap().label;
        assert_eq!(of(&store, "one"), label);
        assert_eq!(of(&store, "two"), Label::default());
        assert_eq!(store.runs(3).unwrap()[1].label, label);

        // Somebody else's baseline is not the one here.
        let file = folder.path().join("one.run");
        store.export("one", &file).unwrap();
        assert!(store.delete_run("one").unwrap());
        assert_eq!(store.labels().unwrap(), BTreeMap::new());
        while store.tidy().unwrap() {}
        let other = Store::look_at_foreign(&file).unwrap();
        store.import(&other, "one").unwrap();
        let imported = of(&store, "one");
        assert_eq!((imported.title, imported.is_baseline), (label.title, false));
    }
}
