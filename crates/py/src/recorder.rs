//! Has every run kept in the store, on a thread of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use katydid_core::mark::Mark;
use katydid_core::redact;
use katydid_core::registry::{ErrorId, KeyId, Registry};
use katydid_core::snapshot::{RunInfo, State};
use katydid_core::window::Window;
use katydid_node::record::Second;
use katydid_node::run::Node;
use katydid_store::{Name, News, RunError, Store, StoreError, Sums};
use katydid_web::History;
use serde_json::{Map, Value, json};

const PERIOD: Duration = Duration::from_secs(1);
/// So many runs are kept besides those that are pinned.
const RUNS: usize = 200;

/// The thread that writes runs down.
pub(crate) struct Recorder {
    /// Asks for everything to be written; the answer says that it is.
    flush: mpsc::Sender<mpsc::Sender<()>>,
}

impl Recorder {
    /// Begins to keep the runs of a node; `about` is what is known of all of them. `tell` hears of the
    /// first failure; the runs go on without being kept then, as long as writing fails.
    pub(crate) fn start(
        node: Arc<Node>,
        path: PathBuf,
        about: Map<String, Value>,
        history: Arc<History>,
        tell: impl Fn(String) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let store = Store::open(&path)?;
        history.open(path);
        node.keep_record();
        let (flush, requests) = mpsc::channel::<mpsc::Sender<()>>();
        let mut writer = Writer {
            node,
            store,
            about,
            history,
            run: None,
        };
        let work = move || {
            let mut has_failed = false;
            loop {
                let asker = match requests.recv_timeout(PERIOD) {
                    Ok(asker) => Some(asker),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                if let Err(error) = writer.write(asker.is_some()) {
                    if !has_failed {
                        tell(error.to_string());
                    }
                    has_failed = true;
                }
                if let Some(asker) = asker {
                    asker.send(()).ok();
                }
            }
        };
        thread::Builder::new()
            .name("katydid-record".into())
            .spawn(work)
            .map_err(|error| StoreError::Io("a thread".into(), error))?;
        Ok(Self { flush })
    }

    /// Waits until all that was counted is written, or cannot be.
    pub(crate) fn flush(&self) {
        let (asker, answer) = mpsc::channel();
        if self.flush.send(asker).is_ok() {
            answer.recv().ok();
        }
    }
}

struct Writer {
    node: Arc<Node>,
    store: Store,
    about: Map<String, Value>,
    history: Arc<History>,
    run: Option<Kept>,
}

/// The run that is being written.
struct Kept {
    id: String,
    started_ms: u64,
    names: HashMap<KeyId, u32>,
    errors: HashMap<ErrorId, u32>,
    sums: Sums,
    marks: Arc<Vec<Mark>>,
    has_ended: bool,
}

impl Writer {
    /// Writes what is new; with `all` also seconds that are not over.
    fn write(&mut self, all: bool) -> Result<(), StoreError> {
        let recorded = self.node.take_record(all);
        let mut seconds = recorded.seconds.into_iter().peekable();
        // What is left of a run that another one has followed.
        while let Some(first) = seconds.peek() {
            let started_ms = first.started_ms;
            if Some(started_ms) == recorded.run.started_ms {
                break;
            }
            let of_it = std::iter::from_fn(|| seconds.next_if(|it| it.started_ms == started_ms));
            let of_it: Vec<_> = of_it.collect();
            if self
                .run
                .as_ref()
                .is_some_and(|run| run.started_ms == started_ms)
            {
                self.put(of_it, None, true)?;
            }
        }
        let Some(started_ms) = recorded.run.started_ms else {
            return Ok(());
        };
        if self
            .run
            .as_ref()
            .is_none_or(|run| run.started_ms != started_ms)
        {
            self.begin(started_ms, &recorded.run)?;
        }
        let has_ended = all || recorded.run.state == State::Stopped;
        self.put(seconds.collect(), Some(&recorded.marks), has_ended)
    }

    fn begin(&mut self, started_ms: u64, info: &RunInfo) -> Result<(), StoreError> {
        let id = id_of(started_ms);
        let now_ms = self.node.now().as_millis();
        let mut about = self.about.clone();
        about.insert("host".into(), json!(info.host));
        about.insert("users".into(), json!(info.target_users));
        about.insert("spawn_rate".into(), json!(info.spawn_rate));
        let lasts = info.run_time.map(|time| time.as_secs_f64());
        about.insert("run_time".into(), json!(lasts));
        let known = self.store.run(Some(&id), now_ms)?;
        self.store
            .begin_run(&id, started_ms, &Value::Object(about).to_string(), now_ms)?;
        let mut kept = Kept {
            id: id.clone(),
            started_ms,
            names: HashMap::new(),
            errors: HashMap::new(),
            sums: Sums::default(),
            marks: Arc::default(),
            has_ended: false,
        };
        if known.is_some() {
            // Another process has begun it: names keep the numbers they have there.
            kept.sums = Sums::going_on();
            let registry = self.node.registry();
            for Name { id, method, name } in self.store.names(&id)? {
                kept.names.insert(registry.key(&method, &name), id);
            }
        }
        self.run = Some(kept);
        self.history.set_current(Some(id));
        self.store.keep_newest(RUNS, now_ms)
    }

    fn put(
        &mut self,
        seconds: Vec<Second>,
        marks: Option<&Arc<Vec<Mark>>>,
        has_ended: bool,
    ) -> Result<(), StoreError> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        let marks = marks.filter(|marks| !Arc::ptr_eq(marks, &run.marks));
        if run.has_ended && has_ended && seconds.is_empty() && marks.is_none() {
            return Ok(());
        }
        let mut news = News {
            now_ms: self.node.now().as_millis(),
            has_ended,
            marks: marks.map(|marks| marks_text(marks)),
            ..News::default()
        };
        let registry = self.node.registry();
        for second in seconds {
            let window = run.window(&second, registry, &mut news);
            news.seconds.push(katydid_store::Second {
                t: second.t,
                users: second.users,
                wanted: second.wanted,
                window,
            });
        }
        if let Some(marks) = marks {
            run.marks = Arc::clone(marks);
        }
        run.has_ended = has_ended;
        self.store.record(&run.id, &news, &mut run.sums)
    }
}

impl Kept {
    /// What was counted in a second, with names and errors by their numbers; new ones are told.
    fn window(&mut self, second: &Second, registry: &Registry, news: &mut News) -> Window {
        let Self { names, errors, .. } = self;
        let mut number = |key: KeyId, told: &mut Vec<Name>| {
            let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
            *names.entry(key).or_insert_with(|| {
                let name = registry.name(key);
                told.push(Name {
                    id: next,
                    method: name.method.to_string(),
                    name: name.name.to_string(),
                });
                next
            })
        };
        for (id, _) in second.stats.errors() {
            let next = u32::try_from(errors.len()).unwrap_or(u32::MAX);
            errors.entry(id).or_insert_with(|| {
                let error = registry.error_name(id);
                news.errors.push(RunError {
                    id: next,
                    name: number(error.key, &mut news.names),
                    text: redact::text(&error.text),
                });
                next
            });
        }
        Window::of(
            &second.stats,
            |key| number(key, &mut news.names),
            |error| errors[&error],
        )
    }
}

/// What a run is called: when it began, to the millisecond.
fn id_of(started_ms: u64) -> String {
    let second = katydid_web::utc(katydid_core::units::Nanos::from_millis(started_ms));
    let digits: String = second.chars().filter(char::is_ascii_digit).collect();
    let (day, time) = digits.split_at(digits.len().min(8));
    format!("{day}-{time}-{:03}", started_ms % 1_000)
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
