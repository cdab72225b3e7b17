//! What the page asks for, on its way to the run.

use katydid_web::{Answer, BoxFuture, Page, Script, Visit};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// Something the page asks for.
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) payload: Value,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// Passes on what the page asks for.
pub(crate) struct Desk(pub(crate) mpsc::UnboundedSender<Call>);

impl Script for Desk {
    fn call(&self, name: &str, payload: Value) -> BoxFuture<Answer> {
        let (answer, answered) = oneshot::channel();
        let call = Call {
            name: name.to_owned(),
            payload,
            answer,
        };
        // If nobody takes it, its end of the answer is dropped.
        self.0.send(call).ok();
        Box::pin(async move {
            answered.await.unwrap_or(Answer {
                status: 503,
                body: Value::Null,
            })
        })
    }

    fn page(&self, _: Visit) -> BoxFuture<Option<Page>> {
        // A test in Rust has no pages of its own.
        Box::pin(async { None })
    }
}

/// An answer that says what was done.
pub(crate) fn done(message: &str) -> Answer {
    Answer {
        status: 200,
        body: json!({ "success": true, "message": message }),
    }
}

/// An answer that says why it was not.
pub(crate) fn refused(message: &str) -> Answer {
    Answer {
        status: 200,
        body: json!({ "success": false, "message": message }),
    }
}

/// What a form says: users, spawn rate, run time, host, classes. What it does not say is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Form {
    pub(crate) users: Option<u32>,
    pub(crate) spawn_rate: Option<f64>,
    pub(crate) run_time: Option<std::time::Duration>,
    pub(crate) host: Option<String>,
    pub(crate) stages: Option<String>,
    pub(crate) classes: Vec<String>,
}

impl Form {
    /// Reads the pairs of a field's name and its values.
    pub(crate) fn parse(fields: &Value) -> Result<Self, String> {
        let mut form = Self::default();
        for field in fields.as_array().into_iter().flatten() {
            let name = field[0].as_str().unwrap_or_default();
            let values: Vec<&str> = field[1]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let text = values.first().copied().unwrap_or_default().trim();
            let wrong = |what: &str| format!("Invalid {name} value: {text:?} (must be {what})");
            match name {
                "user_count" | "locust_count" => {
                    form.users = Some(text.parse().map_err(|_| wrong("an integer"))?);
                }
                "spawn_rate" | "hatch_rate" => {
                    let rate = text.parse::<f64>().ok();
                    let rate = rate.filter(|rate| rate.is_finite() && *rate > 0.0);
                    form.spawn_rate = Some(rate.ok_or_else(|| wrong("a number above zero"))?);
                }
                "run_time" if !text.is_empty() => {
                    let time = crate::timespan::parse(text).ok_or(
                        "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.",
                    )?;
                    form.run_time = Some(time);
                }
                "host" if !text.is_empty() => {
                    super::settings::check_host(text).map_err(|problem| format!("{problem:?}"))?;
                    form.host = Some(text.to_owned());
                }
                "stages" if !text.is_empty() => form.stages = Some(text.to_owned()),
                "user_classes" => form.classes = values.iter().map(ToString::to_string).collect(),
                _ => {}
            }
        }
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_in_both_generations_words() {
        let form = Form::parse(&json!([
            ["locust_count", ["5"]],
            ["spawn_rate", ["2.5"]],
            ["run_time", ["1m"]],
            ["host", ["http://127.0.0.1:1"]],
            ["user_classes", ["A", "B"]]
        ]))
        .unwrap();
        assert_eq!(form.users, Some(5));
        assert_eq!(form.spawn_rate, Some(2.5));
        assert_eq!(form.run_time, Some(std::time::Duration::from_secs(60)));
        assert_eq!(form.classes, ["A", "B"]);
        for wrong in [
            json!([["user_count", ["-1"]]]),
            json!([["spawn_rate", ["nan"]]]),
            json!([["run_time", ["soon"]]]),
            json!([["host", ["ftp://x"]]]),
        ] {
            assert!(Form::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
