//! Our own web API: what the page reads and asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use katydid_core::redact;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::about::About;
use crate::login::Visitor;
use crate::script::Answer;
use crate::site::Shared;

/// Why a command was not carried out.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// The field of the form that is to blame.
    pub(crate) field: Option<&'static str>,
    pub(crate) message: String,
}

/// The script, and which life of the server this is.
#[derive(Serialize)]
struct Run<'a> {
    boot: &'a str,
    /// Who asks; none where visitors are not asked who they are.
    visitor: Option<Visitor>,
    #[serde(flatten)]
    about: &'a About,
}

/// What a start asks for, as fields of Locust's form.
#[derive(Debug, PartialEq)]
pub(crate) struct Form(pub(crate) Map<String, Value>);

/// What is known about the script.
pub(crate) async fn run(
    State(shared): State<Arc<Shared>>,
    visitor: Option<Extension<Visitor>>,
) -> Response {
    let mut about = shared.about.read().clone();
    let classes = about.user_classes.iter_mut().map(|class| &mut class.host);
    for host in classes.chain([&mut about.host]).flatten() {
        *host = redact::url(host);
    }
    let run = Run {
        boot: &shared.boot,
        visitor: visitor.map(|Extension(visitor)| visitor),
        about: &about,
    };
    ([(CACHE_CONTROL, "no-store")], Json(run)).into_response()
}

/// How many stages a start may have.
const MOST_STAGES: usize = 1_000;

/// The whole state of the run.
pub(crate) async fn snapshot(State(shared): State<Arc<Shared>>) -> Response {
    let snapshot = shared.snapshot();
    let mut board = shared.board.lock();
    board.advance(&snapshot);
    let whole = board.whole(&shared.boot);
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_TYPE, "application/json"),
    ];
    (headers, whole.unwrap_or_default()).into_response()
}

/// Nothing is at this path.
pub(crate) async fn not_found() -> Refusal {
    Refusal::whole(StatusCode::NOT_FOUND, "there is nothing at this address")
}

/// Something is at this path, but not for this method.
pub(crate) async fn wrong_method() -> Refusal {
    let message = "this address does not answer to that method";
    Refusal::whole(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// Why the script did not do what it was asked to; it says so in Locust's words.
pub(crate) fn done(answer: &Answer) -> Result<(), Refusal> {
    let failed = answer.body.get("success") == Some(&Value::Bool(false));
    if answer.status < 400 && !failed {
        return Ok(());
    }
    let message = match answer.body.get("message").unwrap_or(&answer.body) {
        Value::String(message) => message.clone(),
        other => other.to_string(),
    };
    let status = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|status| !status.is_success())
        .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    Err(Refusal {
        status,
        field: field_of(&message),
        message,
    })
}

/// The field that a message of Locust's is about.
fn field_of(message: &str) -> Option<&'static str> {
    let fields = [
        ("Invalid user_count", "users"),
        ("Invalid spawn_rate", "spawn_rate"),
        ("Valid run_time", "run_time"),
        ("Invalid user_classes", "user_classes"),
    ];
    let field = fields.iter().find(|(start, _)| message.starts_with(start));
    field
        .map(|(_, field)| *field)
        .or_else(|| message.starts_with("Invalid ").then_some("options"))
}

impl Form {
    /// Reads a start. Run time and host are left to the script, as it may have its own idea.
    pub(crate) fn parse(asked: &Map<String, Value>, about: &About) -> Result<Self, Refusal> {
        let mut form = Self(Map::new());
        let given = |name| asked.get(name).filter(|value| !value.is_null());
        let staged = match given("stages") {
            None => false,
            Some(asked) => {
                let text = stages(asked)?;
                let is_staged = !text.is_empty();
                form.put("stages", [text]);
                is_staged
            }
        };
        // With a load shape or stages, it is those that decide both.
        let is_shaped = staged || about.shape.is_some();
        if !is_shaped || given("users").is_some() {
            let users = given("users").and_then(Value::as_u64);
            let users = users.filter(|users| (1..=u64::from(u32::MAX)).contains(users));
            let users = users.ok_or_else(|| Refusal::of("users", "users must be at least 1"))?;
            form.put("user_count", [users.to_string()]);
        }
        if !is_shaped || given("spawn_rate").is_some() {
            let rate = given("spawn_rate").and_then(Value::as_f64);
            let rate = rate.filter(|rate| *rate > 0.0 && rate.is_finite());
            let rate =
                rate.ok_or_else(|| Refusal::of("spawn_rate", "spawn rate must be above 0"))?;
            form.put("spawn_rate", [rate.to_string()]);
        }
        for name in ["host", "run_time"] {
            let value = match given(name) {
                None => continue,
                Some(Value::String(text)) => text.trim().to_owned(),
                Some(Value::Number(number)) => number.to_string(),
                Some(_) => return Err(Refusal::of(name, format!("{name} must be a text"))),
            };
            form.put(name, [value]);
        }
        if let Some(classes) = given("user_classes") {
            form.put("user_classes", user_classes(classes, about)?);
        }
        for name in ["tags", "exclude_tags"] {
            if let Some(asked) = given(name) {
                let tags: Vec<String> = serde_json::from_value(asked.clone())
                    .map_err(|_| Refusal::of(name, format!("{name} must be a list of texts")))?;
                form.put(name, tags);
            }
        }
        if let Some(options) = given("options") {
            for (name, value) in script_options(options, about)? {
                form.put(&name, [value]);
            }
        }
        Ok(form)
    }

    fn put(&mut self, name: &str, values: impl Into<Vec<String>>) {
        self.0.insert(name.to_owned(), json!(values.into()));
    }
}

/// Stages as the command line has them; none of them for no stages.
fn stages(asked: &Value) -> Result<String, Refusal> {
    let refuse = || {
        let message = "stages must be a list of seconds and users, with users in one at least";
        Refusal::of("stages", message)
    };
    let stages: Vec<(u32, u32)> = serde_json::from_value(asked.clone()).map_err(|_| refuse())?;
    let lasts = stages.iter().all(|&(seconds, _)| seconds > 0);
    let is_load = stages.is_empty() || stages.iter().any(|&(_, users)| users > 0);
    if !lasts || !is_load || stages.len() > MOST_STAGES {
        return Err(refuse());
    }
    let texts = stages
        .iter()
        .map(|(seconds, users)| format!("{seconds}s:{users}"));
    Ok(texts.collect::<Vec<_>>().join(","))
}

/// The names of some, but not none, of the script's classes.
pub(crate) fn user_classes(asked: &Value, about: &About) -> Result<Vec<String>, Refusal> {
    let refuse = |message: String| Refusal::of("user_classes", message);
    let classes: Vec<String> = serde_json::from_value(asked.clone())
        .map_err(|_| refuse("user classes must be a list of names".into()))?;
    if classes.is_empty() {
        return Err(refuse("choose at least one user class".into()));
    }
    let known = |name: &String| about.user_classes.iter().any(|class| class.name == *name);
    match classes.iter().find(|name| !known(name)) {
        Some(name) => Err(refuse(format!("there is no user class {name}"))),
        None => Ok(classes),
    }
}

/// Values of options that the script has added.
fn script_options(asked: &Value, about: &About) -> Result<Vec<(String, String)>, Refusal> {
    let refuse = |message: String| Refusal::of("options", message);
    let options: BTreeMap<String, String> = serde_json::from_value(asked.clone())
        .map_err(|_| refuse("options must be an object of texts".into()))?;
    let known = |name: &str| about.options.iter().any(|option| option.name == name);
    match options.keys().find(|name| !known(name)) {
        Some(name) => Err(refuse(format!("the script has no option {name}"))),
        None => Ok(options.into_iter().collect()),
    }
}

impl Refusal {
    /// A refusal that no field is to blame for.
    pub(crate) fn whole(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            field: None,
            message: message.into(),
        }
    }

    /// A refusal because of one field.
    pub(crate) fn of(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field),
            ..Self::whole(StatusCode::UNPROCESSABLE_ENTITY, message)
        }
    }

    /// The refusal as JSON.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": { "field": self.field, "message": self.message } })
    }
}

/// What stands after the `?` of an address; what cannot be read is refused as everything else is.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(asked)| Self(asked)).map_err(|rejection| {
            let why = rejection.body_text();
            // What stands before is about this server's insides.
            let why = why.split_once(": ").map_or(why.as_str(), |(_, why)| why);
            Refusal::whole(StatusCode::BAD_REQUEST, why)
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let headers = [(CACHE_CONTROL, "no-store")];
        (self.status, headers, Json(self.body())).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::about::{ScriptOption, UserClass};

    fn parse(body: &Value) -> Result<Value, (Option<&'static str>, String)> {
        let about = About {
            user_classes: vec![UserClass {
                name: "Shopper".into(),
                ..UserClass::default()
            }],
            ..About::default()
        };
        let form = Form::parse(body.as_object().expect("an object"), &about);
        form.map(|Form(fields)| Value::Object(fields))
            .map_err(|refusal| (refusal.field, refusal.message))
    }

    #[test]
    fn a_start_becomes_fields_of_locusts_form() {
        let body = json!({
            "users": 10, "spawn_rate": 2.5, "host": "http://shop.example", "run_time": "5m",
            "user_classes": ["Shopper"],
        });
        let form = json!({
            "user_count": ["10"], "spawn_rate": ["2.5"], "host": ["http://shop.example"],
            "run_time": ["5m"], "user_classes": ["Shopper"],
        });
        assert_eq!(parse(&body), Ok(form));
    }

    #[test]
    fn options_of_the_script_become_fields_of_their_names() {
        let about = About {
            shape: Some("Peak".into()),
            options: vec![ScriptOption {
                name: "shop".into(),
                ..ScriptOption::default()
            }],
            ..About::default()
        };
        let parse = |body: &Value| Form::parse(body.as_object().expect("an object"), &about);
        let Form(fields) = parse(&json!({ "options": { "shop": "books" } })).expect("a form");
        assert_eq!(Value::Object(fields), json!({ "shop": ["books"] }));
        for wrong in [json!({ "host": "x" }), json!({ "shop": 1 }), json!([])] {
            let refusal = parse(&json!({ "options": wrong })).expect_err("a refusal");
            assert_eq!(refusal.field, Some("options"));
        }
    }

    #[test]
    fn what_is_null_is_left_out() {
        let body = json!({ "users": 1, "spawn_rate": 1, "host": null, "run_time": null });
        let form = json!({ "user_count": ["1"], "spawn_rate": ["1"] });
        assert_eq!(parse(&body), Ok(form));
    }

    #[test]
    fn a_refusal_names_the_field() {
        let refused = |body: Value| parse(&body).expect_err("a refusal").0;
        assert_eq!(refused(json!({ "spawn_rate": 1 })), Some("users"));
        assert_eq!(
            refused(json!({ "users": 0, "spawn_rate": 1 })),
            Some("users")
        );
        assert_eq!(
            refused(json!({ "users": 1, "spawn_rate": -1 })),
            Some("spawn_rate")
        );
        assert_eq!(
            refused(json!({ "users": 1, "spawn_rate": 1, "user_classes": ["Nobody"] })),
            Some("user_classes")
        );
        assert_eq!(
            refused(json!({ "users": 1, "spawn_rate": 1, "user_classes": [] })),
            Some("user_classes")
        );
        assert_eq!(
            refused(json!({ "users": 1, "spawn_rate": 1, "host": [] })),
            Some("host")
        );
    }

    #[test]
    fn with_a_load_shape_users_and_rate_may_be_left_out() {
        let about = About {
            shape: Some("Peak".into()),
            ..About::default()
        };
        assert_eq!(Form::parse(&Map::new(), &about), Ok(Form(Map::new())));
    }
}
