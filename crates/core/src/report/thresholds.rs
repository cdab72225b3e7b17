//! What became of a run's thresholds: a table for people, `JUnit`'s XML for programs.

use std::fmt::Write;

use crate::threshold::{Threshold, Verdict};

/// The table, with the empty line that follows it on the console; nothing if there are none.
pub fn table(verdicts: &[(Threshold, Verdict)]) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let shown: Vec<_> = verdicts
        .iter()
        .map(|(threshold, verdict)| {
            let result = if verdict.failed { "FAILED" } else { "ok" };
            (result, threshold.text(), threshold.shown(verdict))
        })
        .collect();
    let longest = |lengths: &mut dyn Iterator<Item = usize>, least| lengths.fold(least, usize::max);
    let width = longest(&mut shown.iter().map(|row| row.1.chars().count()), 9);
    let measured = longest(&mut shown.iter().map(|row| row.2.chars().count()), 8);
    let mut out = format!(
        "Thresholds\n{:<8} {:<width$} {}\n",
        "Result", "Fails if", "Measured"
    );
    let rule = |out: &mut String| {
        let runs = [8, width, measured].map(|run| "-".repeat(run));
        writeln!(out, "{}", runs.join("|")).expect("a string takes everything");
    };
    rule(&mut out);
    for (result, text, value) in &shown {
        writeln!(out, "{result:<8} {text:<width$} {value}").expect("a string takes everything");
    }
    rule(&mut out);
    out.push('\n');
    out
}

/// One test case for each threshold.
pub fn junit(verdicts: &[(Threshold, Verdict)], suite: &str) -> String {
    let cases = verdicts.iter().map(|(threshold, verdict)| Case {
        text: threshold.text().to_owned(),
        measured: threshold.shown(verdict),
        failed: verdict.failed,
    });
    junit_of(&cases.collect::<Vec<_>>(), suite)
}

/// What became of a threshold, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// When the run has failed.
    pub text: String,
    /// What was measured.
    pub measured: String,
    /// Whether the run has failed by it.
    pub failed: bool,
}

/// The same of thresholds that are only known in words.
pub fn junit_of(cases: &[Case], suite: &str) -> String {
    let failures = cases.iter().filter(|case| case.failed).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{}\" tests=\"{}\" \
         failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n",
        escaped(suite),
        cases.len(),
    );
    for case in cases {
        let name = escaped(&case.text);
        write!(out, "    <testcase classname=\"threshold\" name=\"{name}\"")
            .expect("a string takes everything");
        if case.failed {
            out.push_str(">\n      <failure message=\"");
            out.push_str(&escaped(&case.measured));
            out.push_str("\"/>\n    </testcase>\n");
        } else {
            out.push_str("/>\n");
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no way to write them.
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts() -> Vec<(Threshold, Verdict)> {
        let of = |text: &str, value, failed| {
            (Threshold::parse(text).unwrap(), Verdict { value, failed })
        };
        vec![
            of("p95>300ms", Some(120.0), false),
            of("GET \"/a&b\" fail>1%", Some(0.5), true),
            of("/nowhere max>1s", None, true),
        ]
    }

    #[test]
    fn the_table_says_what_was_measured() {
        assert_eq!(
            table(&verdicts()),
            "Thresholds\n\
             Result   Fails if           Measured\n\
             --------|------------------|---------------------\n\
             ok       p95>300ms          120.00 ms\n\
             FAILED   GET \"/a&b\" fail>1% 50.00 %\n\
             FAILED   /nowhere max>1s    no request to measure\n\
             --------|------------------|---------------------\n\n"
        );
    }

    #[test]
    fn junit_has_a_case_for_each() {
        let xml = junit(&verdicts(), "shop.py");
        assert!(xml.contains("<testsuite name=\"shop.py\" tests=\"3\" failures=\"2\""));
        assert!(xml.contains("name=\"p95&gt;300ms\"/>"));
        assert!(xml.contains(
            "name=\"GET &quot;/a&amp;b&quot; fail&gt;1%\">\n      <failure message=\"50.00 %\"/>"
        ));
    }
}
