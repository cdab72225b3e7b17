//! What the page shows about the script, apart from any run of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The script as it was loaded, and what was asked for on the command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Katydid's own version.
    pub version: String,
    /// File name of the script.
    pub locustfile: String,
    /// Where requests go unless the form says otherwise.
    pub host: Option<String>,
    /// Name of the load shape that decides how many users there are.
    pub shape: Option<String>,
    /// Stages by which the number of users goes, where the script has no shape of its own: seconds, and
    /// users at their end.
    pub stages: Option<Vec<(u32, u32)>>,
    /// The tags of tasks.
    pub tags: Tags,
    /// The kinds of users the script defines.
    pub user_classes: Vec<UserClass>,
    /// What the form begins with.
    pub defaults: Defaults,
    /// Options that the script has added to the command line, and the form offers.
    pub options: Vec<ScriptOption>,
    /// Parts whose percentiles Locust's charts show.
    #[serde(skip_serializing)]
    pub percentiles_to_chart: Vec<f64>,
    /// Parts whose percentiles Locust's statistics table shows.
    #[serde(skip_serializing)]
    pub percentiles_to_statistics: Vec<f64>,
    /// Parts whose percentiles stand in downloads.
    #[serde(skip_serializing)]
    pub percentiles_to_report: Vec<f64>,
    /// Local time less UTC in seconds, for the names of downloads.
    #[serde(skip_serializing)]
    pub utc_offset: i32,
    /// Whether the script is of the 0.14 generation, whose clients read other keys.
    #[serde(skip_serializing)]
    pub is_old: bool,
    /// What of the site is the script's own.
    #[serde(skip_serializing)]
    pub pages: Pages,
}

/// The tags of a script's tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tags {
    /// All there are.
    pub known: Vec<String>,
    /// Only tasks with one of these run, if there are any.
    pub only: Vec<String>,
    /// Tasks with one of these do not run.
    pub without: Vec<String>,
}

/// What of the site is the script's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pages {
    /// Which requests the script's own pages answer.
    pub answers: Answers,
    /// Whether the script says who may come in.
    pub login: bool,
    /// Whether the script brings the page for people.
    pub replaced: bool,
}

/// Which requests a script's own pages answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// None: the script has no pages.
    #[default]
    Nothing,
    /// Those that nothing else answers.
    Unknown,
    /// All but those to our own API and for our page's assets.
    All,
}

/// A class of users.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserClass {
    /// Name of the class.
    pub name: String,
    /// Its share among all classes.
    pub weight: f64,
    /// So many users of this class, whatever its weight; zero to go by weight.
    pub fixed_count: u32,
    /// Where its requests go by default.
    pub host: Option<String>,
    /// What its users do.
    pub tasks: Vec<Task>,
}

/// Something a user does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Task {
    /// Name of the task.
    pub name: String,
    /// Its share among the tasks of its class.
    pub weight: f64,
}

/// An option that the script has added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptOption {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub help: Option<String>,
    /// Its value on the command line; a flag's is true or false, and a secret's is not told.
    pub value: Value,
    /// What it can be; anything if there are none.
    pub choices: Vec<String>,
    /// Whether what is typed is not to be seen.
    pub is_secret: bool,
    /// Whether it must be given.
    pub is_required: bool,
}

/// What the form to start a run begins with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Defaults {
    /// How many users.
    pub users: Option<u32>,
    /// How many of them start per second.
    pub spawn_rate: Option<f64>,
    /// How long the run lasts, in seconds or as typed.
    pub run_time: Option<Value>,
}

impl Default for About {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            locustfile: String::new(),
            host: None,
            shape: None,
            stages: None,
            tags: Tags::default(),
            user_classes: Vec::new(),
            defaults: Defaults::default(),
            options: Vec::new(),
            percentiles_to_chart: vec![0.5, 0.95],
            percentiles_to_statistics: vec![0.95, 0.99],
            percentiles_to_report: vec![
                0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0,
            ],
            utc_offset: 0,
            is_old: false,
            pages: Pages::default(),
        }
    }
}
