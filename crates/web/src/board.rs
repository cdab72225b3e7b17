//! Everything browsers have been shown, so that each can be told just what has changed.
//!
//! The board holds the newest state of the run and, for each part of it, the sequence number at
//! which that part last changed. Whoever says which number it has seen gets all changes since in
//! one frame, whether that is the last second or, after a lost connection, up to two minutes; no
//! frame has to be kept for that, and a slow reader costs nothing. Nothing is computed while
//! nobody looks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use katydid_core::registry::{ErrorId, KeyId, MAX_ERRORS, MAX_NAMES};
use katydid_core::snapshot::Snapshot;
use serde::Serialize;

use crate::recent::{Recent, Window};
use crate::rows::{Finding, Lost, Mark as RunMark, Point, Row, Run, TOTAL, Threshold};

/// How long a reader may be away and still be told only what has changed.
const REPLAY_MS: u64 = 120_000;
/// How many sequence numbers a reader may come back with.
const MARKS: usize = 1_000;
/// How many of the newest points a snapshot holds: six hours of seconds.
const POINTS: usize = 21_600;

/// The newest state, and when each part of it changed.
#[derive(Debug, Default)]
pub(crate) struct Board {
    snapshot: Option<Arc<Snapshot>>,
    rows: BTreeMap<KeyId, Dated<Row>>,
    total: Option<Row>,
    faults: Faults,
    /// When the run's own marks changed.
    marks_changed: u64,
    window: Window,
    recent: Option<Recent>,
    /// The numbers a reader may have seen, the oldest first.
    marks: VecDeque<Mark>,
    /// The last frame made, as most readers ask for the same one.
    last: Option<Made>,
}

/// A part of the state.
#[derive(Clone, Debug, Default)]
struct Dated<T> {
    value: T,
    /// When it was there for the first time.
    since: u64,
    /// When it changed last.
    changed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    seq: u64,
    at_ms: u64,
    /// The second of the newest point.
    point: Option<u64>,
}

#[derive(Debug)]
struct Made {
    since: u64,
    seq: u64,
    text: Arc<str>,
}

/// Failures in short; the list of them is read by those who look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Faults {
    /// How many fingerprints there are.
    kinds: usize,
    /// When the last failure was.
    last: Option<u64>,
}

/// What has changed since a sequence number.
#[derive(Debug, Serialize)]
struct Frame<'a> {
    seq: u64,
    t: u64,
    /// What the changes are relative to: not `seq - 1` if the reader was away or slow, zero
    /// if this is the whole state.
    since: u64,
    run: Run,
    names: Vec<(usize, Arc<str>, Arc<str>)>,
    points: Vec<Point>,
    entries: Vec<&'a Row>,
    total: &'a Row,
    recent: Option<Recent>,
    faults: Faults,
    /// All marks of the run, if there are new ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    marks: Option<Vec<RunMark<'a>>>,
    /// All that is wrong with the generator now.
    health: Vec<Finding<'a>>,
    /// What the run is judged by.
    thresholds: Vec<Threshold<'a>>,
    /// What workers that are gone have not told.
    lost: Vec<Lost<'a>>,
}

/// The whole state.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    boot: &'a str,
    #[serde(flatten)]
    frame: Frame<'a>,
    truncated: Option<BTreeMap<&'static str, String>>,
}

impl Board {
    /// Takes in a snapshot, if it is newer than the newest.
    pub(crate) fn advance(&mut self, snapshot: &Arc<Snapshot>) {
        if self
            .snapshot
            .as_ref()
            .is_some_and(|known| known.seq >= snapshot.seq)
        {
            return;
        }
        if self
            .snapshot
            .as_ref()
            .is_some_and(|known| begins_anew(known, snapshot))
        {
            *self = Self::default();
        }
        self.advance_rows(snapshot);
        self.faults = Faults::of(snapshot);
        let known = self.snapshot.as_ref().map(|known| &known.marks);
        if known.is_none_or(|known| !Arc::ptr_eq(known, &snapshot.marks)) {
            self.marks_changed = snapshot.seq;
        }
        self.recent = self.window.advance(snapshot);
        self.marks.push_back(Mark {
            seq: snapshot.seq,
            at_ms: snapshot.at_ms,
            point: snapshot.series.last().map(|point| point.t),
        });
        let oldest = snapshot.at_ms.saturating_sub(REPLAY_MS);
        while self.marks.len() > MARKS || self.marks.front().is_some_and(|mark| mark.at_ms < oldest)
        {
            self.marks.pop_front();
        }
        self.snapshot = Some(Arc::clone(snapshot));
    }

    /// The newest sequence number.
    pub(crate) fn seq(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq)
    }

    /// Whether a reader may come back with this sequence number.
    pub(crate) fn knows(&self, seq: u64) -> bool {
        self.mark(seq).is_some()
    }

    /// What has changed since a sequence number, as JSON; none if that is not known any more.
    pub(crate) fn since(&mut self, since: u64) -> Option<Arc<str>> {
        let seq = self.seq();
        if let Some(made) = &self.last
            && (made.since, made.seq) == (since, seq)
        {
            return Some(Arc::clone(&made.text));
        }
        let mark = self.mark(since)?;
        let text: Arc<str> = json(&self.frame(Some(since), self.points_after(mark.point))?).into();
        self.last = Some(Made {
            since,
            seq,
            text: Arc::clone(&text),
        });
        Some(text)
    }

    /// The whole state as JSON; none before the first snapshot.
    pub(crate) fn whole(&self, boot: &str) -> Option<String> {
        let snapshot = self.snapshot.as_ref()?;
        let start = snapshot.series.len().saturating_sub(POINTS);
        let points = snapshot.series.iter_from(start).copied().map(Point);
        let frame = self.frame(None, points.collect())?;
        Some(json(&Whole {
            boot,
            frame,
            truncated: truncated(snapshot),
        }))
    }

    fn advance_rows(&mut self, snapshot: &Snapshot) {
        let seq = snapshot.seq;
        for (key, entry) in snapshot.stats.entries() {
            let id = i64::try_from(key.index()).expect("bounded by MAX_NAMES");
            let new = || Dated {
                value: Row::new(id, entry, snapshot),
                since: seq,
                changed: seq,
            };
            let row = self.rows.entry(key).or_insert_with(new);
            let value = row.value.renewed(entry, snapshot);
            if value != row.value {
                row.changed = seq;
            }
            row.value = value;
        }
        let total = snapshot.stats.total();
        self.total = Some(match &self.total {
            Some(known) => known.renewed(total, snapshot),
            None => Row::new(TOTAL, total, snapshot),
        });
    }

    fn mark(&self, seq: u64) -> Option<Mark> {
        let position = self.marks.binary_search_by_key(&seq, |mark| mark.seq);
        position.ok().map(|position| self.marks[position])
    }

    /// What has changed since a number, or everything.
    fn frame(&self, since: Option<u64>, points: Vec<Point>) -> Option<Frame<'_>> {
        let snapshot = self.snapshot.as_ref()?;
        let is_new = |seq| since.is_none_or(|since| seq > since);
        let new = self.rows.iter().filter(|(_, row)| is_new(row.since));
        let names = new.map(|(&key, _)| {
            let name = snapshot.registry.name(key);
            (key.index(), name.method, name.name)
        });
        let changed = self.rows.values().filter(|row| is_new(row.changed));
        Some(Frame {
            seq: snapshot.seq,
            t: snapshot.at_ms,
            since: since.unwrap_or(0),
            run: Run::from(snapshot.as_ref()),
            names: names.collect(),
            points,
            entries: changed.map(|row| &row.value).collect(),
            total: self.total.as_ref()?,
            recent: self.recent,
            faults: self.faults,
            marks: is_new(self.marks_changed).then(|| snapshot.marks.iter().map(RunMark).collect()),
            health: snapshot.health.iter().map(Finding).collect(),
            thresholds: snapshot.thresholds.iter().map(Threshold).collect(),
            lost: snapshot.lost.iter().map(Lost).collect(),
        })
    }

    /// The points of the seconds after one.
    fn points_after(&self, second: Option<u64>) -> Vec<Point> {
        let Some(snapshot) = &self.snapshot else {
            return Vec::new();
        };
        // A point covers at least a second, so no more than these can be newer than a mark.
        let most = usize::try_from(REPLAY_MS / 1000 + 2).expect("a small number");
        let start = snapshot.series.len().saturating_sub(most);
        let points = snapshot.series.iter_from(start);
        let newer = points.filter(|point| second.is_none_or(|second| point.t > second));
        newer.copied().map(Point).collect()
    }
}

impl Faults {
    fn of(snapshot: &Snapshot) -> Self {
        let mut kinds = BTreeSet::new();
        let mut last = None;
        for (error, seen) in snapshot.stats.errors() {
            kinds.insert(snapshot.registry.fingerprint_of(error));
            last = last.max(Some(seen.last_seen.as_millis()));
        }
        Self {
            kinds: kinds.len(),
            last,
        }
    }
}

/// Whether what was shown does not lead to a snapshot: another run, or statistics set to zero.
fn begins_anew(known: &Snapshot, next: &Snapshot) -> bool {
    let start = |snapshot: &Snapshot| snapshot.stats.total().start;
    // A late delta may move the start of counting back, but nothing else moves it on.
    known.run.started_ms != next.run.started_ms || start(next) > start(known)
}

/// What a snapshot does not show, in words; none if it shows everything.
fn truncated(snapshot: &Snapshot) -> Option<BTreeMap<&'static str, String>> {
    let mut left = BTreeMap::new();
    let points = snapshot.series.len().saturating_sub(POINTS);
    if points > 0 {
        left.insert("points", format!("the first {points} are left out"));
    }
    if snapshot
        .stats
        .errors()
        .any(|(error, _)| error == ErrorId::OTHER)
    {
        let text = format!("those after the first {MAX_ERRORS} kinds are counted together");
        left.insert("rare errors", text);
    }
    if snapshot.stats.entry(KeyId::OTHER).is_some() {
        let text = format!("those after the first {MAX_NAMES} are counted together as (other)");
        left.insert("names", text);
    }
    (!left.is_empty()).then_some(left)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("keys are strings and nothing here refuses")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use katydid_core::recorder::Recorder;
    use katydid_core::registry::Registry;
    use katydid_core::sample::{Sample, Times};
    use katydid_core::units::Nanos;
    use katydid_node::local::Local;
    use katydid_node::{ClassSpec, Event, Now};
    use serde_json::{Value, json};

    use super::*;

    /// A run whose clock is the number of milliseconds since it was made.
    struct Play {
        local: Local,
        registry: Arc<Registry>,
        ms: u64,
        seq: u64,
    }

    impl Play {
        fn new() -> Self {
            let registry = Arc::new(Registry::new());
            let local = Local::new(Arc::clone(&registry), now(0));
            Self {
                local,
                registry,
                ms: 0,
                seq: 0,
            }
        }

        fn started() -> Self {
            let mut play = Self::new();
            play.start();
            play
        }

        fn start(&mut self) {
            self.handle(Event::Start {
                users: 1,
                spawn_rate: 1.0,
                classes: vec![ClassSpec {
                    name: "Shop".into(),
                    weight: 1.0,
                    fixed_count: 0,
                }],
                run_time: None,
                host: None,
            });
        }

        fn handle(&mut self, event: Event) {
            self.local.handle(event, now(self.ms));
        }

        fn request(&mut self, name: &str, error: Option<&str>) {
            let key = self.registry.key("GET", name);
            let mut recorder = Recorder::new();
            recorder.record(&Sample {
                key,
                error: error.map(|text| self.registry.error(key, text)),
                times: Some(Times {
                    service: Nanos::from_millis(12),
                    ..Times::default()
                }),
                bytes_in: 50,
                bytes_out: 0,
                at: now(self.ms).nanos(),
                counts_request: true,
            });
            self.handle(Event::Samples(recorder.take()));
        }

        fn snapshot_at(&mut self, ms: u64) -> Arc<Snapshot> {
            self.ms = ms;
            self.handle(Event::Tick);
            self.seq += 1;
            Arc::new(Snapshot {
                seq: self.seq,
                ..self.local.snapshot(now(ms))
            })
        }
    }

    fn now(ms: u64) -> Now {
        Now {
            monotonic: Duration::from_millis(ms),
            epoch: Duration::from_millis(1_000_000 + ms),
        }
    }

    fn since(board: &mut Board, seq: u64) -> Value {
        let text = board.since(seq).expect("a number the board knows");
        serde_json::from_str(&text).expect("JSON")
    }

    #[test]
    fn a_frame_holds_only_what_has_changed() {
        let mut play = Play::started();
        let mut board = Board::default();
        play.request("/a", Some("boom"));
        play.request("/b", None);
        board.advance(&play.snapshot_at(0));
        let first = board.seq();
        play.request("/a", None);
        board.advance(&play.snapshot_at(10));
        let frame = since(&mut board, first);
        assert_eq!(frame["names"], json!([]));
        assert_eq!(frame["entries"].as_array().map(Vec::len), Some(1));
        assert_eq!(frame["entries"][0][1], 2);
        assert_eq!(frame["total"][1], 3);
        assert_eq!(frame["faults"]["kinds"], 1);
    }

    #[test]
    fn a_reader_that_was_away_gets_everything_it_missed_in_one_frame() {
        let mut play = Play::started();
        let mut board = Board::default();
        board.advance(&play.snapshot_at(0));
        let first = board.seq();
        for second in 1..=3 {
            play.request(&format!("/{second}"), Some("boom"));
            board.advance(&play.snapshot_at(second * 1000 + 300));
        }
        let frame = since(&mut board, first);
        let names: Vec<_> = frame["names"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| &name[2])
            .collect();
        assert_eq!(names, ["/1", "/2", "/3"]);
        assert_eq!(frame["points"].as_array().map(Vec::len), Some(3));
        assert_eq!(frame["faults"]["kinds"], 3);
    }

    #[test]
    fn changes_are_known_for_two_minutes() {
        let mut play = Play::started();
        let mut board = Board::default();
        board.advance(&play.snapshot_at(0));
        let first = board.seq();
        board.advance(&play.snapshot_at(REPLAY_MS));
        assert!(board.since(first).is_some());
        board.advance(&play.snapshot_at(REPLAY_MS + 1000));
        assert_eq!(board.since(first), None);
    }

    #[test]
    fn a_new_run_does_not_follow_from_the_last_one() {
        let mut play = Play::started();
        let mut board = Board::default();
        play.request("/a", None);
        board.advance(&play.snapshot_at(0));
        let first = board.seq();
        play.handle(Event::Stopped);
        board.advance(&play.snapshot_at(1000));
        assert!(board.since(first).is_some());
        play.handle(Event::ClearStats);
        play.start();
        board.advance(&play.snapshot_at(1500));
        assert_eq!(board.since(first), None);
        let whole: Value = serde_json::from_str(&board.whole("boot").unwrap()).unwrap();
        assert_eq!(whole["entries"], json!([]));
    }

    #[test]
    fn statistics_set_to_zero_do_not_follow_from_those_before() {
        let mut play = Play::started();
        let mut board = Board::default();
        play.request("/a", None);
        board.advance(&play.snapshot_at(500));
        let first = board.seq();
        play.handle(Event::ResetStats);
        board.advance(&play.snapshot_at(510));
        assert_eq!(board.since(first), None);
    }

    #[test]
    fn recent_percentiles_reach_ten_seconds_back() {
        let mut play = Play::started();
        let mut board = Board::default();
        board.advance(&play.snapshot_at(0));
        play.request("/a", None);
        board.advance(&play.snapshot_at(1000));
        let first = board.seq();
        board.advance(&play.snapshot_at(4000));
        let recent = json!({ "seconds": 4, "p50": 12.0, "p95": 12.0, "p99": 12.0 });
        assert_eq!(since(&mut board, first)["recent"], recent);
        board.advance(&play.snapshot_at(11_000));
        let recent = json!({ "seconds": 10, "p50": null, "p95": null, "p99": null });
        assert_eq!(since(&mut board, first)["recent"], recent);
    }

    #[test]
    fn rates_fall_to_zero_when_requests_stop() {
        let mut play = Play::started();
        let mut board = Board::default();
        play.request("/a", None);
        board.advance(&play.snapshot_at(1300));
        let first = board.seq();
        board.advance(&play.snapshot_at(12_300));
        let frame = since(&mut board, first);
        assert_eq!(frame["entries"][0][3], 0.0);
        assert_eq!(frame["entries"][0][1], 1);
    }
}
