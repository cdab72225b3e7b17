//! The short form, for pull requests and chats.

use katydid_core::units::Micros;

use crate::model::{Report, fail_ratio, quantile};
use crate::numbers::{count, millis, percent, three, utc, write};

/// So many names, and so many failures, are listed.
const LISTED: usize = 25;

impl Report {
    /// Verdict, thresholds, endpoints and failures as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!(
            "### Load test of {}: {}\n\n",
            text(self.title()),
            text(&self.verdict())
        );
        write(&mut out, format_args!("{}\n\n", text(&self.summary())));
        if !self.thresholds.is_empty() {
            out.push_str("| Result | Fails if | Measured |\n| --- | --- | ---: |\n");
            for judged in &self.thresholds {
                let result = if judged.failed { "**FAILED**" } else { "ok" };
                write(
                    &mut out,
                    format_args!(
                        "| {result} | {} | {} |\n",
                        code(&judged.text),
                        text(&judged.measured)
                    ),
                );
            }
            out.push('\n');
        }
        out.push_str("| Endpoint | Requests | Failed | req/s | p50 | p95 | p99 | Max |\n");
        out.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
        let left_out = self.rows.len().saturating_sub(LISTED);
        for (place, (method, name, counted)) in self.counted().enumerate() {
            if place >= LISTED && place < self.rows.len() {
                continue;
            }
            let times = counted.times();
            let label = format!("{method} {name}");
            let label = if place == self.rows.len() {
                "**All**".to_owned()
            } else {
                code(label.trim())
            };
            write(
                &mut out,
                format_args!(
                    "| {label} | {} | {} | {} | {} | {} | {} | {} |\n",
                    count(counted.requests),
                    percent(fail_ratio(counted)),
                    three(self.per_second(counted.requests)),
                    millis(quantile(&times, 0.5)),
                    millis(quantile(&times, 0.95)),
                    millis(quantile(&times, 0.99)),
                    millis(times.max().map(Micros::as_millis_f64)),
                ),
            );
        }
        if left_out > 0 {
            write(
                &mut out,
                format_args!("\n{left_out} more endpoints took less time and are not listed.\n"),
            );
        }
        if !self.faults.is_empty() {
            out.push_str("\n| Failure | Kind | Endpoint | Count |\n| --- | --- | --- | ---: |\n");
            for fault in self.faults.iter().take(LISTED) {
                let of = format!("{} {}", fault.method, fault.name);
                write(
                    &mut out,
                    format_args!(
                        "| {} | {} | {} | {} |\n",
                        code(&fault.pattern),
                        fault.kind,
                        code(of.trim()),
                        count(fault.count)
                    ),
                );
            }
            if self.faults.len() > LISTED {
                write(
                    &mut out,
                    format_args!(
                        "\n{} rarer failures are not listed.\n",
                        self.faults.len() - LISTED
                    ),
                );
            }
        }
        let (trust, reasons) = self.trust();
        write(
            &mut out,
            format_args!("\nThe numbers are {}.", trust.as_str()),
        );
        if let Some(first) = reasons.first() {
            write(&mut out, format_args!(" {}", text(first)));
        }
        write(
            &mut out,
            format_args!("\n\nStarted {}", utc(self.started_ms)),
        );
        if let Some(run) = &self.run {
            write(&mut out, format_args!(", kept as {}", code(run)));
        }
        out.push_str(".\n");
        out
    }
}

/// A text that stays one line and no markup.
fn text(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '_' | '`' | '<' | '[' | ']' | '#' | '\\' | '&' | '~' | '@' => {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    out
}

/// A text as code, whatever is in it.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let room = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{room}{text}{room}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(text("a_b|c\n<d>"), "a\\_b\\|c \\<d>");
        assert_eq!(code("a`b|c"), "``a`b\\|c``");
        assert_eq!(code("`"), "`` ` ``");
    }
}
