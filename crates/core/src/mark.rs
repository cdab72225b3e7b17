//! What happened during a run besides requests: for the charts, and for the list of events.

use std::sync::Arc;

/// How many marks of a run are kept. Beyond that the oldest ones are dropped, notes last.
pub const MOST: usize = 1_000;

/// Something that happened at one moment of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its number, never given to another one of this process.
    pub id: u32,
    /// When it happened, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What it is about.
    pub kind: Kind,
    /// What happened, in words.
    pub text: String,
    /// Who did it, if a person is known to have.
    pub by: Option<String>,
}

/// What a mark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The run has begun.
    Start,
    /// Another number of users, or another rate, is wanted.
    Load,
    /// All users that were wanted are there.
    Reached,
    /// Users pause.
    Pause,
    /// They go on.
    Resume,
    /// What is counted from here on can be looked at by itself.
    Segment,
    /// Users are being stopped.
    Stop,
    /// No user is left.
    End,
    /// A worker came, went, or was not heard of for too long.
    Worker,
    /// A threshold was crossed, or is met again.
    Threshold,
    /// The generator began, or ceased, to distort what it measures.
    Health,
    /// Something that a person or another system has noted.
    Note,
}

impl Kind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Load => "load",
            Self::Reached => "reached",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Segment => "segment",
            Self::Stop => "stop",
            Self::End => "end",
            Self::Worker => "worker",
            Self::Threshold => "threshold",
            Self::Health => "health",
            Self::Note => "note",
        }
    }

    /// The kind a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::Start,
            Self::Load,
            Self::Reached,
            Self::Pause,
            Self::Resume,
            Self::Segment,
            Self::Stop,
            Self::End,
            Self::Worker,
            Self::Threshold,
            Self::Health,
            Self::Note,
        ];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The marks of a run in the order they were made, shared with the snapshots that show them.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    all: Arc<Vec<Mark>>,
    next: u32,
}

impl Marks {
    /// Adds a mark and says its number.
    pub fn add(&mut self, at_ms: u64, kind: Kind, text: String, by: Option<String>) -> u32 {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let all = Arc::make_mut(&mut self.all);
        if all.len() >= MOST {
            let first = all.iter().position(|mark| mark.kind != Kind::Note);
            all.remove(first.unwrap_or(0));
        }
        all.push(Mark {
            id,
            at_ms,
            kind,
            text,
            by,
        });
        id
    }

    /// Forgets all of them, but not their numbers.
    pub fn clear(&mut self) {
        self.all = Arc::default();
    }

    /// All of them, in the order they were made.
    pub fn all(&self) -> &Arc<Vec<Mark>> {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ones_are_dropped_but_notes_stay() {
        let mut marks = Marks::default();
        let note = marks.add(0, Kind::Note, "deployed".into(), None);
        for at in 1..=MOST as u64 + 5 {
            marks.add(at, Kind::Load, String::new(), None);
        }
        let all = marks.all();
        assert_eq!(all.len(), MOST);
        assert_eq!(all[0].id, note);
        assert_eq!(all[1].at_ms, 7);
        marks.clear();
        assert!(marks.add(9, Kind::Start, String::new(), None) > note);
    }

    #[test]
    fn kinds_and_words_belong_together() {
        for word in ["start", "load", "reached", "worker", "threshold", "note"] {
            assert_eq!(Kind::from_word(word).map(Kind::as_str), Some(word));
        }
        assert_eq!(Kind::from_word(""), None);
    }
}
