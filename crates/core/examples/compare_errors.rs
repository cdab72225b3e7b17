//! Prints how often a comparison of two runs is wrong: `cargo run --release --example compare_errors`.

use std::io::{self, Write as _};

use katydid_core::compare::trial::{Outcome, pairs};

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    let Outcome {
        pairs: count,
        alarms,
        ..
    } = pairs(200, 1.0, 1);
    writeln!(
        out,
        "Identical runs called worse or better: {alarms} of {count} (aim: fewer than 10)"
    )?;
    for (slower, seed) in [(1.05, 2), (1.1, 3), (1.2, 4)] {
        let percent = (slower - 1.0) * 100.0;
        let Outcome {
            pairs: count,
            found,
            blamed,
            ..
        } = pairs(200, slower, seed);
        writeln!(
            out,
            "One name of eight {percent:.0} % slower: found {found} of {count}, another one blamed {blamed}"
        )?;
    }
    Ok(())
}
