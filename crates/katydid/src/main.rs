//! The command `katydid` without Python: the demo target, and runs that are kept.

use std::io::{self, Write as _};
use std::process::ExitCode;

const HELP: &str = "Usage: katydid target|runs|show|report|compare|delete|export|import [OPTIONS]

This is Katydid's Rust command, which carries the demo target and looks at runs that are kept.
Running locustfiles needs the Python package: pip install katydid
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = match args.split_first() {
        Some((first, rest)) if first == "target" => katydid::target::main(rest),
        Some((first, _)) if katydid::runs::COMMANDS.contains(&first.as_str()) => {
            katydid::runs::main(&args)
        }
        Some((first, _)) if first == "--version" || first == "-V" => {
            let _ = writeln!(io::stdout(), "katydid {}", env!("CARGO_PKG_VERSION"));
            0
        }
        Some((first, _)) if first == "--help" || first == "-h" => {
            let _ = io::stdout().write_all(HELP.as_bytes());
            0
        }
        _ => {
            let _ = io::stderr().write_all(HELP.as_bytes());
            2
        }
    };
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
