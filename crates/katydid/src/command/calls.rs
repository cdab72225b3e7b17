//! What the page has a run do.

use std::rc::Rc;
use std::time::Duration;

use katydid_core::dispatch::Class;
use katydid_core::mark::Kind as MarkKind;
use katydid_node::Event;
use katydid_web::{Answer, Telling};
use serde_json::{Value, json};

use super::desk::{Call, Form, done, refused};
use super::run::Run;
use crate::shape::Stages;

impl Run {
    /// Carries out what the page asks for.
    pub(super) async fn answer(self: Rc<Self>, call: Call) {
        let Call {
            name,
            payload,
            answer,
        } = call;
        let done = match name.as_str() {
            "swarm" | "start" => self.swarm(&payload),
            "load" => self.change_load(&payload),
            "stop" => {
                self.stop(self.settings.stop_timeout).await;
                done("Test stopped")
            }
            "end" => {
                let seconds = payload["timeout"].as_f64().unwrap_or(0.0);
                let patience = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                self.stop(patience).await;
                done("Test stopped")
            }
            "pause" | "resume" => {
                let by = payload["by"].as_str().map(str::to_owned);
                self.pass_on_pause(name == "pause");
                let (kind, text) = if name == "pause" {
                    self.course.pause();
                    self.crew.pause();
                    (MarkKind::Pause, "users start no new tasks")
                } else {
                    self.course.resume();
                    self.crew.resume();
                    (MarkKind::Resume, "users go on")
                };
                self.node.send(Event::Mark {
                    kind,
                    text: text.to_owned(),
                    by,
                });
                done("")
            }
            "reset_stats" => {
                self.crew.flush().await;
                self.node.send(Event::ResetStats);
                done("")
            }
            "tasks" => Answer {
                status: 200,
                body: json!({ "per_class": {}, "total": {} }),
            },
            "report" => {
                self.crew.flush().await;
                let telling = Telling {
                    theme: payload["theme"].as_str().unwrap_or_default().to_owned(),
                    show_download_link: payload["download"] != true,
                    ..Telling::default()
                };
                Answer {
                    status: 200,
                    body: json!({ "html": self.service.report(&telling) }),
                }
            }
            _ => Answer {
                status: 501,
                body: "A test in Rust has nothing like this.".into(),
            },
        };
        // Whoever asked may have gone.
        answer.send(done).ok();
    }

    pub(super) fn swarm(self: &Rc<Self>, fields: &Value) -> Answer {
        if self.is_stopping.get() {
            return refused("The test is being stopped; try again when it has");
        }
        let form = match Form::parse(fields) {
            Ok(form) => form,
            Err(message) => return refused(&message),
        };
        if let Some(text) = &form.stages {
            match Stages::parse(text) {
                Ok(stages) => *self.shape.borrow_mut() = Some(Box::new(stages)),
                Err(message) => return refused(&message),
            }
        }
        {
            let mut chosen = self.chosen.borrow_mut();
            chosen.users = form.users.unwrap_or(chosen.users);
            chosen.spawn_rate = form.spawn_rate.unwrap_or(chosen.spawn_rate);
            chosen.run_time = form.run_time;
            if form.host.is_some() {
                chosen.host = form.host;
            }
            let kinds = self.settings.kinds.iter().map(|kind| kind.class());
            let is_chosen =
                |class: &Class| form.classes.is_empty() || form.classes.contains(&class.name);
            chosen.classes = kinds.filter(is_chosen).collect();
        }
        if self.shape.borrow().is_some() {
            self.start_shape();
        } else {
            self.start();
        }
        self.describe();
        done("Swarming started")
    }

    pub(super) fn change_load(self: &Rc<Self>, asked: &Value) -> Answer {
        let run_time = match asked["run_time"].as_str().map(crate::timespan::parse) {
            Some(None) => {
                return refused(
                    "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.",
                );
            }
            time => time.flatten(),
        };
        let named = &asked["user_classes"];
        {
            let mut chosen = self.chosen.borrow_mut();
            let kinds = self.settings.kinds.iter().map(|kind| kind.class());
            let classes: Vec<Class> = match named {
                Value::Object(weights) => kinds
                    .map(|class| {
                        let weight = weights.get(&class.name).and_then(Value::as_f64);
                        Class {
                            weight: weight.unwrap_or(class.weight),
                            ..class
                        }
                    })
                    .filter(|class| class.weight > 0.0 || class.fixed_count > 0)
                    .collect(),
                Value::Array(listed) => kinds
                    .filter(|class| listed.iter().any(|name| name == class.name.as_str()))
                    .collect(),
                _ => chosen.classes.clone(),
            };
            if classes.is_empty() {
                return refused("Invalid user_classes: no class of users is left");
            }
            chosen.classes = classes;
            let users = asked["users"].as_u64();
            let users = users.and_then(|users| u32::try_from(users).ok());
            chosen.users = users.unwrap_or(chosen.users);
            chosen.spawn_rate = asked["spawn_rate"].as_f64().unwrap_or(chosen.spawn_rate);
        }
        if let Some(time) = run_time {
            self.node.send(Event::RunTime(Some(time)));
        }
        if !named.is_null() {
            self.node.send(Event::Rebalance);
        }
        self.start();
        self.describe();
        done("The load changes")
    }
}
