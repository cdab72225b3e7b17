//! Commands of our own API: each is carried out once, however often it arrives, and none that
//! rests on a state of the run that is no longer there.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared as Joint};
use katydid_core::mark::Kind;
use katydid_core::threshold::Threshold;
use katydid_node::Event;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::about::About;
use crate::api::{Form, Refusal, done, user_classes};
use crate::login::Visitor;
use crate::rows::Run;
use crate::site::Shared;

/// How many of the last commands are remembered by their ids.
const REMEMBERED: usize = 1_000;
/// How long an id may be.
const LONGEST_ID: usize = 100;
/// How long a note and the name of a segment may be, in characters.
const LONGEST_TEXT: usize = 1_000;
/// How long users get to finish their tasks if nothing is said, in seconds.
const PATIENCE: f64 = 60.0;
/// How many conditions a run may be judged by; each looks at all names once a second.
const MOST_THRESHOLDS: usize = 100;
/// The longest they may get.
const MOST_PATIENCE: f64 = 86_400.0;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Start,
    Load,
    Pause,
    Resume,
    Stop,
    Segment,
    Note,
    Thresholds,
}

/// The commands carried out last, by what they were and the ids that clients gave them.
#[derive(Default)]
pub(crate) struct Commands {
    known: Mutex<VecDeque<Known>>,
    tasks: TaskTracker,
}

struct Known {
    command: Command,
    id: String,
    outcome: Joint<BoxFuture<'static, Outcome>>,
}

/// What a client is told.
#[derive(Clone, Debug)]
struct Outcome {
    status: StatusCode,
    body: Arc<Value>,
}

/// A command as it was sent.
struct Asked {
    fields: Map<String, Value>,
    id: Option<String>,
    /// The state of the run that it rests on.
    revision: Option<u64>,
    /// Who asks, if that is known.
    by: Option<String>,
}

impl Command {
    pub(crate) const ALL: [Self; 8] = [
        Self::Start,
        Self::Load,
        Self::Pause,
        Self::Resume,
        Self::Stop,
        Self::Segment,
        Self::Note,
        Self::Thresholds,
    ];

    /// The word for it, which is also its path.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Load => "load",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Segment => "segment",
            Self::Note => "note",
            Self::Thresholds => "thresholds",
        }
    }

    /// Whether it says something about a test that is under way.
    const fn needs_a_test(self) -> bool {
        matches!(
            self,
            Self::Load | Self::Pause | Self::Resume | Self::Segment
        )
    }
}

/// Takes a command, and answers when it has been carried out.
pub(crate) async fn take(
    State(shared): State<Arc<Shared>>,
    command: Command,
    visitor: Option<Extension<Visitor>>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let mut asked = Asked::parse(&body)?;
    asked.by = visitor.map(|Extension(visitor)| visitor.name);
    let id = asked.id.take();
    let task = {
        let shared = Arc::clone(&shared);
        let tasks = shared.commands.tasks.clone();
        // On its own, so that a client that goes away does not leave it half done.
        move || tasks.spawn(async move { outcome(&shared, command, asked).await })
    };
    let outcome = match id {
        Some(id) => shared.commands.once(command, id, task),
        None => joint(task()),
    };
    let Outcome { status, body } = outcome.await;
    Ok((status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

impl Commands {
    /// The outcome of a command, which begins now if it was not begun before.
    fn once(
        &self,
        command: Command,
        id: String,
        begin: impl FnOnce() -> JoinHandle<Outcome>,
    ) -> Joint<BoxFuture<'static, Outcome>> {
        let mut known = self.known.lock();
        if let Some(known) = known.iter().find(|it| it.command == command && it.id == id) {
            return known.outcome.clone();
        }
        if known.len() >= REMEMBERED {
            known.pop_front();
        }
        let outcome = joint(begin());
        known.push_back(Known {
            command,
            id,
            outcome: outcome.clone(),
        });
        outcome
    }
}

fn joint(task: JoinHandle<Outcome>) -> Joint<BoxFuture<'static, Outcome>> {
    let outcome = task.map(|ended| {
        ended.unwrap_or_else(|_| Outcome {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            body: Arc::new(
                Refusal::whole(StatusCode::INTERNAL_SERVER_ERROR, "the command failed").body(),
            ),
        })
    });
    outcome.boxed().shared()
}

async fn outcome(shared: &Shared, command: Command, asked: Asked) -> Outcome {
    let done = match check(shared, command, &asked) {
        Ok(()) => carry_out(shared, command, asked).await,
        Err(refusal) => Err(refusal),
    };
    let snapshot = shared.snapshot();
    match done {
        Ok(()) => Outcome {
            status: StatusCode::OK,
            body: Arc::new(json!({ "ok": true, "revision": snapshot.run.revision })),
        },
        Err(refusal) => {
            let mut body = refusal.body();
            if refusal.status == StatusCode::CONFLICT {
                body["run"] = json!(Run::from(&*snapshot));
            }
            Outcome {
                status: refusal.status,
                body: Arc::new(body),
            }
        }
    }
}

/// Whether the run is as the client believes, and as the command needs it.
fn check(shared: &Shared, command: Command, asked: &Asked) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::whole(StatusCode::CONFLICT, message));
    let run = &shared.snapshot().run;
    if asked.revision.is_some_and(|known| known != run.revision) {
        return refuse("the run was changed meanwhile; look at it and try again".into());
    }
    if command.needs_a_test() && !run.state.is_active() {
        return refuse("no test is running".into());
    }
    if command == Command::Load
        && let Some(shape) = &shared.about.read().shape
    {
        return refuse(format!("the load shape {shape} decides how many users run"));
    }
    Ok(())
}

async fn carry_out(
    shared: &Shared,
    command: Command,
    Asked { fields, by, .. }: Asked,
) -> Result<(), Refusal> {
    let about = shared.about.read().clone();
    let is_written_down = matches!(command, Command::Start | Command::Load | Command::Stop);
    let payload = match command {
        Command::Start => {
            if let Some(wanted) = thresholds(&fields)? {
                shared.tell(Event::Thresholds(wanted));
            }
            let Form(form) = Form::parse(&fields, &about)?;
            json!(form.into_iter().collect::<Vec<_>>())
        }
        Command::Load => load(&fields, &about)?,
        Command::Pause | Command::Resume => json!({ "by": by.as_deref() }),
        Command::Stop => stop(&fields)?,
        Command::Thresholds => {
            let wanted = thresholds(&fields)?.unwrap_or_default();
            shared.tell(Event::Thresholds(wanted));
            return Ok(());
        }
        Command::Segment | Command::Note => return mark(shared, command, &fields, by),
    };
    // Locust's own way of stopping has no mode.
    let name = match command {
        Command::Stop if payload == json!({}) => "stop",
        Command::Stop => "end",
        other => other.as_str(),
    };
    if !is_written_down {
        return done(&shared.call(name, payload).await);
    }
    shared.tell(Event::Author(by));
    let answer = shared.call(name, payload).await;
    shared.tell(Event::Author(None));
    done(&answer)
}

/// Another load, with everything that is not said left as it is.
fn load(fields: &Map<String, Value>, about: &About) -> Result<Value, Refusal> {
    let given = |name| fields.get(name).filter(|value| !value.is_null());
    let users = given("users").map(|users| {
        let number = users.as_u64().and_then(|users| u32::try_from(users).ok());
        let number = number.filter(|&users| users >= 1);
        number.ok_or_else(|| Refusal::of("users", "users must be at least 1"))
    });
    let rate = given("spawn_rate").map(|rate| {
        let number = rate.as_f64().filter(|rate| *rate > 0.0);
        number.ok_or_else(|| Refusal::of("spawn_rate", "spawn rate must be above 0"))
    });
    let run_time = given("run_time").map(|time| match time {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Refusal::of("run_time", "run time must be a text")),
    });
    let classes = match given("user_classes") {
        None => None,
        Some(Value::Object(weights)) => {
            let names = json!(weights.keys().collect::<Vec<_>>());
            user_classes(&names, about)?;
            let is_weight = |weight: &Value| weight.as_f64().is_some_and(|weight| weight >= 0.0);
            if !weights.values().all(is_weight) {
                let message = "weights must be numbers that are not negative";
                return Err(Refusal::of("user_classes", message));
            }
            Some(json!(weights))
        }
        Some(names) => Some(json!(user_classes(names, about)?)),
    };
    Ok(json!({
        "users": users.transpose()?,
        "spawn_rate": rate.transpose()?,
        "run_time": run_time.transpose()?,
        "user_classes": classes,
    }))
}

/// What runs are to be judged by; none if that is not said.
fn thresholds(fields: &Map<String, Value>) -> Result<Option<Vec<Threshold>>, Refusal> {
    let Some(asked) = fields.get("thresholds").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let refuse = |message: String| Refusal::of("thresholds", message);
    let texts: Vec<String> = serde_json::from_value(asked.clone())
        .map_err(|_| refuse("thresholds must be a list of texts".to_owned()))?;
    if texts.len() > MOST_THRESHOLDS {
        return Err(refuse(format!("at most {MOST_THRESHOLDS} thresholds")));
    }
    let parsed = texts.iter().map(|text| {
        Threshold::parse(text).map_err(|error| refuse(format!("{text}: {}", error.problem())))
    });
    parsed.collect::<Result<_, _>>().map(Some)
}

/// How to stop: empty for what the command line says.
fn stop(fields: &Map<String, Value>) -> Result<Value, Refusal> {
    let timeout = match fields.get("timeout").filter(|value| !value.is_null()) {
        None => PATIENCE,
        Some(timeout) => timeout
            .as_f64()
            .filter(|seconds| (0.0..=MOST_PATIENCE).contains(seconds))
            .ok_or_else(|| Refusal::of("timeout", "timeout must be seconds, at most a day"))?,
    };
    match fields.get("mode").filter(|value| !value.is_null()) {
        None => Ok(json!({})),
        Some(mode) if mode == "now" => Ok(json!({ "timeout": 0 })),
        Some(mode) if mode == "finish" => Ok(json!({ "timeout": timeout })),
        Some(_) => Err(Refusal::of("mode", "mode must be \"now\" or \"finish\"")),
    }
}

/// Notes something in words, or begins a segment.
fn mark(
    shared: &Shared,
    command: Command,
    fields: &Map<String, Value>,
    by: Option<String>,
) -> Result<(), Refusal> {
    let (field, kind) = match command {
        Command::Segment => ("name", Kind::Segment),
        _ => ("text", Kind::Note),
    };
    let text = match fields.get(field) {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text.trim(),
        Some(_) => return Err(Refusal::of(field, format!("{field} must be a text"))),
    };
    let mut text: String = text.chars().take(LONGEST_TEXT).collect();
    if text.is_empty() && kind == Kind::Note {
        return Err(Refusal::of(field, "a note needs a text"));
    }
    if text.is_empty() {
        let snapshot = shared.snapshot();
        let before = snapshot.marks.iter().filter(|mark| mark.kind == kind);
        // What is before the first one is a segment, too.
        text = format!("Segment {}", before.count() + 2);
    }
    shared.tell(Event::Mark { kind, text, by });
    Ok(())
}

impl Asked {
    fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let fields = match body {
            [] => Map::new(),
            body => {
                let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
                    let message = "the command is not a JSON object";
                    return Err(Refusal::whole(StatusCode::BAD_REQUEST, message));
                };
                fields
            }
        };
        let given = |name| fields.get(name).filter(|value| !value.is_null());
        let id = given("id").map(|id| {
            let id = id
                .as_str()
                .filter(|id| (1..=LONGEST_ID).contains(&id.len()));
            let message = "id must be a text of at most 100 bytes";
            id.map(str::to_owned)
                .ok_or_else(|| Refusal::of("id", message))
        });
        let revision = given("revision").map(|revision| {
            let message = "revision must be a number that a frame told";
            revision
                .as_u64()
                .ok_or_else(|| Refusal::of("revision", message))
        });
        Ok(Self {
            id: id.transpose()?,
            revision: revision.transpose()?,
            by: None,
            fields,
        })
    }
}
