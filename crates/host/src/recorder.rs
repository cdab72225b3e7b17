//! Has every run kept in the store, on a thread of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use katydid_core::calendar::run_id;
use katydid_core::crew::Moment;
use katydid_core::mark::Mark;
use katydid_core::redact;
use katydid_core::registry::{ErrorId, KeyId, Registry};
use katydid_core::snapshot::{RunInfo, Snapshot, State};
use katydid_core::threshold::{Standing, Watched};
use katydid_core::window::Window;
use katydid_node::record::Second;
use katydid_node::run::Node;
use katydid_store::{Keep, Name, News, RunError, Store, StoreError, Sums};
use katydid_web::History;
use serde_json::{Map, Value, json};

use crate::chronicle::{Chronicle, take_scripts};
use crate::scribe::{Pace, Scribe};

/// A second is there when it is over; looking twice as often, it is written within another half.
const PACE: Pace = Pace {
    period: Duration::from_millis(500),
    share: 2,
    longest: Duration::from_secs(10),
};
/// So many seconds wait for a store that cannot be written to; then the oldest are lost.
const WAITING: usize = 600;
/// So many other facts wait for it.
const FACTS: usize = 20_000;

/// Begins to keep the runs of a node; `about` is what is known of all of them, their scripts under
/// `scripts`. As a run begins, old ones go as `keep` says. `tell` hears of failures; the runs go on
/// meanwhile, and what could not be written is tried again.
pub fn start(
    node: Arc<Node>,
    path: PathBuf,
    about: Map<String, Value>,
    keep: Keep,
    history: Arc<History>,
    tell: impl Fn(String) + Send + 'static,
) -> Result<Scribe, StoreError> {
    let store = Store::open(&path)?;
    history.open(path);
    node.keep_record();
    let (clock, shown) = (Arc::clone(&node), Arc::clone(&history));
    let mut writer = Writer {
        node,
        store,
        about,
        keep,
        history,
        run: None,
        waiting: Vec::new(),
        next_line: 0,
        is_tidy: false,
    };
    let write = move |all| writer.write(all);
    let scribe = Scribe::start("katydid-record", clock, PACE, write, tell)
        .map_err(|error| StoreError::Io("a thread".into(), error))?;
    shown.flush_with(scribe.flusher());
    Ok(scribe)
}

struct Writer {
    node: Arc<Node>,
    store: Store,
    about: Map<String, Value>,
    keep: Keep,
    history: Arc<History>,
    run: Option<Kept>,
    /// Seconds of runs that could not be begun yet.
    waiting: Vec<Second>,
    /// The first line of this process's log that is not a run's yet.
    next_line: u64,
    /// Whether the space of runs that were deleted is given back.
    is_tidy: bool,
}

/// The run that is being written.
struct Kept {
    id: String,
    started_ms: u64,
    names: HashMap<KeyId, u32>,
    next_name: u32,
    errors: HashMap<ErrorId, u32>,
    next_error: u32,
    sums: Sums,
    chronicle: Chronicle,
    /// What is known of it, and the same as it was written last.
    about: Map<String, Value>,
    about_text: String,
    marks: Arc<Vec<Mark>>,
    has_ended: bool,
    /// What is not written yet.
    news: News,
}

impl Writer {
    /// Writes what is new; with `all` also seconds that are not over.
    fn write(&mut self, all: bool) -> Result<(), StoreError> {
        let recorded = self.node.take_record(all);
        self.waiting.extend(recorded.seconds);
        let lost = self.waiting.len().saturating_sub(WAITING);
        self.waiting.drain(..lost);
        let current = recorded.run.started_ms;
        // What is left of a run that another one has followed.
        let (late, of_it): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|second| Some(second.started_ms) != current);
        self.waiting = of_it;
        if let Some(run) = &mut self.run
            && Some(run.started_ms) != current
        {
            run.add(late, self.node.registry());
            self.put(None, true)?;
        }
        let Some(started_ms) = current else {
            return Ok(());
        };
        if self
            .run
            .as_ref()
            .is_none_or(|run| run.started_ms != started_ms)
        {
            self.begin(started_ms, &recorded.run)?;
        }
        if let Some(run) = &mut self.run {
            run.add(std::mem::take(&mut self.waiting), self.node.registry());
        }
        let has_ended = all || recorded.run.state == State::Stopped;
        if let Some(run) = &mut self.run {
            run.describe(&recorded.run, &recorded.thresholds, has_ended);
            let ends = has_ended && !run.has_ended;
            let snapshot = if ends {
                self.node.snapshot_now()
            } else {
                Arc::clone(&self.node.snapshots().borrow())
            };
            run.learn(&snapshot, recorded.crew, ends);
            run.chronicle
                .lines(&mut self.next_line, &mut run.news.facts);
        }
        self.put(Some(&recorded.marks), has_ended)?;
        if !self.is_tidy {
            self.is_tidy = !self.store.tidy()?;
        }
        Ok(())
    }

    fn begin(&mut self, started_ms: u64, info: &RunInfo) -> Result<(), StoreError> {
        let id = run_id(started_ms);
        let now_ms = self.node.now().as_millis();
        let mut about = self.about.clone();
        let scripts = take_scripts(&mut about);
        if let Some(Value::Object(options)) = about.get_mut("options") {
            hide_secrets(options);
        }
        about.insert("host".into(), json!(info.host.as_deref().map(redact::url)));
        about.insert("users".into(), json!(info.target_users));
        about.insert("spawn_rate".into(), json!(info.spawn_rate));
        let lasts = info.run_time.map(|time| time.as_secs_f64());
        about.insert("run_time".into(), json!(lasts));
        let known = self.store.run(Some(&id), now_ms)?;
        let about_text = Value::Object(about.clone()).to_string();
        self.store.begin_run(&id, started_ms, &about_text, now_ms)?;
        let mut kept = Kept {
            id: id.clone(),
            started_ms,
            names: HashMap::new(),
            next_name: 0,
            errors: HashMap::new(),
            next_error: 0,
            sums: Sums::default(),
            chronicle: Chronicle::new(self.store.free_numbers(&id)?),
            about,
            about_text,
            marks: Arc::default(),
            has_ended: false,
            news: News {
                facts: scripts,
                ..News::default()
            },
        };
        if known.is_some() {
            // Another process has begun it: names and errors keep the numbers they have there.
            let registry = self.node.registry();
            let names = self.store.names(&id)?;
            for Name { id, method, name } in &names {
                kept.names.insert(registry.key(method, name), *id);
                kept.next_name = kept.next_name.max(id + 1);
            }
            for error in self.store.errors(&id)? {
                kept.next_error = kept.next_error.max(error.id + 1);
                if let Some(name) = names.iter().find(|name| name.id == error.name) {
                    let key = registry.key(&name.method, &name.name);
                    kept.errors
                        .insert(registry.error(key, &error.text), error.id);
                }
            }
        }
        self.run = Some(kept);
        self.history.set_current(Some(id));
        self.store.set_limits(self.keep)?;
        self.store.keep(self.keep, now_ms)?;
        self.is_tidy = false;
        Ok(())
    }

    fn put(&mut self, marks: Option<&Arc<Vec<Mark>>>, has_ended: bool) -> Result<(), StoreError> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        if let Some(marks) = marks.filter(|marks| !Arc::ptr_eq(marks, &run.marks)) {
            run.marks = Arc::clone(marks);
            run.news.marks = Some(marks_text(marks));
        }
        if run.has_ended && has_ended && run.news == News::default() {
            return Ok(());
        }
        run.news.now_ms = self.node.now().as_millis();
        run.news.has_ended = has_ended;
        if let Err(error) = self.store.record(&run.id, &run.news, &mut run.sums) {
            let lost = run.news.seconds.len().saturating_sub(WAITING);
            run.news.seconds.drain(..lost);
            let lost = run.news.facts.len().saturating_sub(FACTS);
            run.news.facts.drain(..lost);
            return Err(error);
        }
        run.news = News::default();
        run.has_ended = has_ended;
        Ok(())
    }
}

impl Kept {
    /// Takes in what can change of what is known of a run.
    fn describe(&mut self, info: &RunInfo, thresholds: &[Watched], has_ended: bool) {
        let judged = thresholds.iter().map(|watched| {
            // What cannot be measured yet may be so before the end.
            let is_crossed = watched.standing == Standing::Crossed;
            json!({
                "text": watched.threshold.text(),
                "standing": watched.standing.as_str(),
                "measured": watched.threshold.shown(&watched.verdict),
                "failed": is_crossed || has_ended && watched.verdict.failed,
            })
        });
        self.about.insert("thresholds".into(), judged.collect());
        let before = self.about.get("peak_users").and_then(Value::as_u64);
        let peak = before.unwrap_or(0).max(info.users.into());
        self.about.insert("peak_users".into(), peak.into());
        let text = Value::Object(self.about.clone()).to_string();
        if text != self.about_text {
            self.news.about = Some(text.clone());
            self.about_text = text;
        }
    }

    /// Takes in what else is known of a run; with `all` everything that has changed.
    fn learn(&mut self, snapshot: &Snapshot, crew: Vec<Moment>, all: bool) {
        if snapshot.run.started_ms != Some(self.started_ms) {
            return;
        }
        let Self {
            names,
            next_name,
            chronicle,
            news,
            ..
        } = self;
        let News {
            names: told, facts, ..
        } = news;
        let registry = &snapshot.registry;
        let number = |key| number_of(key, names, next_name, told, registry);
        facts.extend(chronicle.look(snapshot, crew, all, number));
    }

    /// Takes in seconds that are to be written.
    fn add(&mut self, seconds: Vec<Second>, registry: &Registry) {
        for second in seconds {
            let window = self.window(&second, registry);
            self.news.seconds.push(katydid_store::Second {
                t: second.t,
                users: second.users,
                wanted: second.wanted,
                window,
            });
        }
    }

    /// What was counted in a second, with names and errors by their numbers; new ones are told.
    fn window(&mut self, second: &Second, registry: &Registry) -> Window {
        let Self {
            names,
            next_name,
            errors,
            next_error,
            news,
            ..
        } = self;
        let mut number =
            |key, told: &mut Vec<Name>| number_of(key, names, next_name, told, registry);
        for (id, _) in second.stats.errors() {
            errors.entry(id).or_insert_with(|| {
                let error = registry.error_name(id);
                let id = std::mem::replace(next_error, *next_error + 1);
                news.errors.push(RunError {
                    id,
                    name: number(error.key, &mut news.names),
                    text: redact::text(&error.text),
                });
                id
            });
        }
        Window::of(
            &second.stats,
            |key| number(key, &mut news.names),
            |error| errors[&error],
        )
    }
}

/// Hides what is secret among options.
fn hide_secrets(options: &mut Map<String, Value>) {
    for (name, value) in options {
        if redact::is_secret(name) {
            *value = redact::HIDDEN.into();
        } else if let Value::String(text) = value {
            *text = redact::text(text);
        } else if let Value::Array(texts) = value {
            for text in texts {
                if let Value::String(text) = text {
                    *text = redact::text(text);
                }
            }
        }
    }
}

/// The number of a name, which is told if it is new.
fn number_of(
    key: KeyId,
    names: &mut HashMap<KeyId, u32>,
    next: &mut u32,
    told: &mut Vec<Name>,
    registry: &Registry,
) -> u32 {
    *names.entry(key).or_insert_with(|| {
        let name = registry.name(key);
        let id = std::mem::replace(next, *next + 1);
        told.push(Name {
            id,
            method: name.method.to_string(),
            name: name.name.to_string(),
        });
        id
    })
}

fn marks_text(marks: &[Mark]) -> String {
    let marks = marks.iter().map(|mark| {
        json!({
            "id": mark.id,
            "t": mark.at_ms,
            "kind": mark.kind.as_str(),
            "text": mark.text,
            "by": mark.by,
        })
    });
    Value::Array(marks.collect()).to_string()
}
