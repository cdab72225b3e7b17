//! Options that are kept in files: lines such as `users = 10`, or tables of a TOML file. The same files as a script's.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::settings::Problem;
use crate::options::{Kind, OPTIONS, OptionSpec};

/// Where options may be kept, the later file winning over the earlier: Locust's places and ours.
const FILES: &[&str] = &[
    "~/.locust.conf",
    "~/.katydid.conf",
    "locust.conf",
    "katydid.conf",
    "pyproject.toml",
];
/// Where a TOML file keeps options, the later table winning over the earlier.
const TABLES: &[&str] = &["locust", "katydid"];

/// What files say, by the options' destinations.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<&'static str, Setting>);

/// The values of an option, and where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) values: Vec<String>,
    pub(super) place: String,
}

impl Files {
    /// Reads the files that are there, and at last the one that was named, which must be.
    pub(super) fn read(named: Option<&str>) -> Result<Self, Problem> {
        let mut files = Self::default();
        for path in FILES {
            let Some(path) = at_home(path) else { continue };
            match fs::read_to_string(&path) {
                Ok(text) => files.take(&path, &text)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&path, &error)),
            }
        }
        if let Some(path) = named {
            let path = at_home(path).unwrap_or_else(|| path.into());
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            files.take(&path, &text)?;
        }
        Ok(files)
    }

    /// What they say of an option.
    pub(super) fn get(&self, option: &OptionSpec) -> Option<&Setting> {
        self.0.get(option.dest)
    }

    fn take(&mut self, path: &Path, text: &str) -> Result<(), Problem> {
        let shown = path.display();
        if path.extension().is_some_and(|it| it == "toml") {
            return self.take_toml(path, text);
        }
        for (number, line) in (1..).zip(text.lines()) {
            let place = format!("{shown}, line {number}");
            if let Some((key, values)) = option(line) {
                self.put(key, values, place)?;
            }
        }
        Ok(())
    }

    fn take_toml(&mut self, path: &Path, text: &str) -> Result<(), Problem> {
        let shown = path.display();
        let all: Table = text.parse().map_err(|error: toml::de::Error| {
            Problem::usage(format!("{shown} is not valid TOML: {}", error.message()))
        })?;
        let tools = all.get("tool").and_then(Value::as_table);
        for table in TABLES {
            let table = tools.and_then(|tools| tools.get(*table)?.as_table());
            for (key, value) in table.into_iter().flatten() {
                let values = match value {
                    Value::Array(values) => values.iter().map(text_of).collect(),
                    value => vec![text_of(value)],
                };
                self.put(key, values, format!("{shown}, {key}"))?;
            }
        }
        Ok(())
    }

    fn put(&mut self, key: &str, values: Vec<String>, place: String) -> Result<(), Problem> {
        let name = key.trim_start_matches('-').replace('_', "-");
        let is_it = |flag: &&str| flag.trim_start_matches('-') == name;
        let mut options = OPTIONS.iter();
        let Some(option) = options.find(|option| option.flags.iter().any(is_it)) else {
            return Err(Problem::usage(format!(
                "{place}: there is no option {key:?}; --help lists what there is"
            )));
        };
        let values = match option.kind {
            Kind::Words if values.len() == 1 => {
                values[0].split_whitespace().map(str::to_owned).collect()
            }
            _ => values,
        };
        self.0.insert(option.dest, Setting { values, place });
        Ok(())
    }
}

/// An option in a line, as the library that Locust reads them with has it: `users = 10`, `users: 10`, `users 10`, a flag
/// alone, and a list in brackets.
fn option(line: &str) -> Option<(&str, Vec<String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';', '[']) || line.starts_with("---") {
        return None;
    }
    let end = line.find(|mark: char| mark == '=' || mark == ':' || mark.is_whitespace());
    let (key, value) = line.split_at(end.unwrap_or(line.len()));
    let value = value.trim_start();
    let value = value.strip_prefix(['=', ':']).unwrap_or(value).trim();
    let value = match value.find(" #").or_else(|| value.find(" ;")) {
        Some(comment) => value[..comment].trim_end(),
        None => value,
    };
    let list = value
        .strip_prefix('[')
        .and_then(|value| value.strip_suffix(']'));
    let values = match list {
        Some(list) => list
            .split(',')
            .map(|value| bare(value).to_owned())
            .filter(|value| !value.is_empty())
            .collect(),
        None if value.is_empty() => vec!["true".to_owned()],
        None => vec![bare(value).to_owned()],
    };
    Some((key, values))
}

/// A value without its quotes.
fn bare(value: &str) -> &str {
    let value = value.trim();
    let inside = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// A path whose tilde stands for the home of whoever runs this; none if nobody knows where that is.
fn at_home(path: &str) -> Option<PathBuf> {
    match path.strip_prefix("~/") {
        Some(rest) => Some(std::env::home_dir()?.join(rest)),
        None => Some(path.into()),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::usage(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_scripts_have_them() {
        let read = |line| option(line).map(|(key, values)| (key, values.join("|")));
        let is = |key, value: &str| Some((key, value.to_owned()));
        assert_eq!(read("users = 10"), is("users", "10"));
        assert_eq!(
            read("  spawn-rate: 2.5  # a second"),
            is("spawn-rate", "2.5")
        );
        assert_eq!(read("run-time 1m"), is("run-time", "1m"));
        assert_eq!(
            read("host = \"http://a:80/#x\""),
            is("host", "http://a:80/#x")
        );
        assert_eq!(read("headless"), is("headless", "true"));
        assert_eq!(read("tags = [a, 'b']"), is("tags", "a|b"));
        for nothing in ["", "  ", "# users = 1", "; users = 1", "[tool]", "---"] {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_later_table_wins_and_what_is_unknown_is_told_with_its_place() {
        let mut files = Files::default();
        let text = "[tool.locust]\nusers = 1\ntags = ['a', 'b']\n[tool.katydid]\nusers = 2\nheadless = true";
        assert!(files.take(Path::new("pyproject.toml"), text).is_ok());
        let values = |dest| files.0[dest].values.join("|");
        assert_eq!(values("num_users"), "2");
        assert_eq!(
            (values("tags"), values("headless")),
            ("a|b".into(), "true".into())
        );
        let mut files = Files::default();
        let wrong = files.take(Path::new("katydid.conf"), "users = 1\nuser_s = 2");
        let Err(Problem::Said(text, 2)) = wrong else {
            panic!("it was taken")
        };
        assert!(
            text.contains("katydid.conf, line 2") && text.contains("user_s"),
            "{text}"
        );
        assert!(
            files
                .take(Path::new("pyproject.toml"), "users = [")
                .is_err()
        );
    }
}
