//! Completions for shells and the manual page, both made of the table of options.

use clap::{Arg, ArgAction, Command, ValueHint};
use clap_complete::Shell;

use crate::options::{Kind, OPTIONS, OptionSpec};

const ABOUT: &str = "Runs the users of a locustfile against a system, and measures it";
const LONG_ABOUT: &str = "Katydid runs load tests that were written for Locust, unmodified, on an engine in Rust: \
    with a page in the browser, or without one (--headless). Options may also be kept in locust.conf, katydid.conf \
    or a [tool.locust] table of pyproject.toml, or be given by environment variables.";

/// The command line as clap knows it. Python parses it; this only describes.
fn command() -> Command {
    let target =
        Command::new("target").about("Serves a demo target, which knows exactly what it did");
    let completions = Command::new("completions")
        .about("Prints completions for bash, zsh or fish")
        .arg(
            Arg::new("shell")
                .required(true)
                .value_parser(["bash", "zsh", "fish"]),
        );
    let man = Command::new("man").about("Prints the manual page");
    let options = OPTIONS.iter().filter(|option| !option.hidden).map(arg);
    Command::new("katydid")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .long_about(LONG_ABOUT)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .args(options)
        .subcommands([target, completions, man])
}

fn arg(option: &OptionSpec) -> Arg {
    let mut arg = Arg::new(option.dest).help(option.help);
    for flag in option.flags {
        arg = match flag.strip_prefix("--") {
            Some(long) => arg.long(long),
            None => arg.short(flag.chars().nth(1).expect("a short name has a letter")),
        };
    }
    // The headings are those of the help text.
    if let Ok(serde_json::Value::String(heading)) = serde_json::to_value(option.group)
        && !option.flags.is_empty()
    {
        arg = arg.help_heading(heading);
    }
    arg = match option.kind {
        Kind::Flag | Kind::Version | Kind::GoneFlag => arg.action(ArgAction::SetTrue),
        Kind::Words | Kind::UserConfigs => arg.num_args(0..).action(ArgAction::Append),
        Kind::Threshold => arg.action(ArgAction::Append),
        Kind::Choice => arg.value_parser(option.choices.to_vec()),
        _ => arg,
    };
    match option.metavar {
        Some(name) => {
            let hint = match name {
                "FILE" => ValueHint::FilePath,
                "FOLDER" => ValueHint::DirPath,
                "URL" => ValueHint::Url,
                "HOST" => ValueHint::Hostname,
                _ => ValueHint::Other,
            };
            arg.value_name(name).value_hint(hint)
        }
        None => arg,
    }
}

/// A shell's script that completes the command line, or `None` for a shell that is not known.
pub fn completions(shell: &str) -> Option<String> {
    let shell = match shell {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => return None,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "katydid", &mut script);
    Some(String::from_utf8_lossy(&script).into_owned())
}

/// The manual page, in roff.
pub fn manual() -> String {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command());
    man.render(&mut page).expect("a vector takes everything");
    String::from_utf8_lossy(&page).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_shown_option_is_completed_and_explained() {
        let page = manual().replace('\\', "");
        for option in OPTIONS.iter().filter(|option| !option.hidden) {
            for flag in option.flags {
                assert!(page.contains(flag), "{flag}");
                assert!(completions("bash").unwrap().contains(flag), "{flag}");
            }
        }
        assert!(completions("tcsh").is_none());
    }
}
