//! Which run is meant.

use katydid_store::Run;

use super::Problem;

/// The run that a text names: its id, the only one that begins so, `last`, or `last~2` for the one two
/// before it. `runs` are all, the newest first.
pub(super) fn one<'a>(runs: &'a [Run], wanted: &str) -> Result<&'a Run, Problem> {
    let words = |text: String| Err(Problem::Words(text));
    if let Some(before) = wanted.strip_prefix("last") {
        let back = match before.strip_prefix('~') {
            Some(number) => number.parse().ok(),
            None if before.is_empty() => Some(0),
            None => None,
        };
        if let Some(back) = back {
            let kept = runs.len();
            let none = || Problem::Words(format!("there is no {wanted}: {kept} runs are kept"));
            return runs.get::<usize>(back).ok_or_else(none);
        }
    }
    if let Some(run) = runs.iter().find(|run| run.id == wanted) {
        return Ok(run);
    }
    let begin: Vec<_> = runs
        .iter()
        .filter(|run| !wanted.is_empty() && run.id.starts_with(wanted))
        .collect();
    match begin[..] {
        [run] => Ok(run),
        [] => words(format!(
            "no run {wanted:?} is kept; katydid runs lists them"
        )),
        [first, second, ..] => words(format!(
            "{wanted:?} may be {} or {}; write more of it",
            first.id, second.id
        )),
    }
}

#[cfg(test)]
mod tests {
    use katydid_store::RunState;

    use super::*;

    #[test]
    fn runs_go_by_ids_and_their_order() {
        let run = |id: &str| Run {
            id: id.to_owned(),
            started_ms: 0,
            ended_ms: 0,
            state: RunState::Finished,
            about: String::new(),
            marks: String::new(),
            is_pinned: false,
            label: katydid_store::Label::default(),
        };
        let runs = [run("20261124-2"), run("20261124-1"), run("20261123-1")];
        let found = |wanted| {
            one(&runs, wanted)
                .map(|run| run.id.clone())
                .map_err(|it| it.to_string())
        };
        assert_eq!(found("last").as_deref(), Ok("20261124-2"));
        assert_eq!(found("last~2").as_deref(), Ok("20261123-1"));
        assert_eq!(found("20261123").as_deref(), Ok("20261123-1"));
        assert!(found("last~3").unwrap_err().contains("3 runs are kept"));
        assert!(
            found("20261124")
                .unwrap_err()
                .contains("may be 20261124-2 or 20261124-1")
        );
        assert!(found("").unwrap_err().contains("no run"));
        assert!(found("lasting").unwrap_err().contains("no run"));
    }
}
