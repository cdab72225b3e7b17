//! The command `katydid` without Python: URLs, the demo target, and runs that are kept.

use std::io::{self, Write as _};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "Usage: katydid URL [OPTIONS]
       katydid target|runs|show|report|compare|delete|export|import [OPTIONS]

This is Katydid's Rust command. It sends requests for a URL and measures the answers (katydid http://127.0.0.1/ --help lists
what can be said), carries the demo target, and looks at runs that are kept. Load tests in Rust are programs of their own:
cargo add katydid. Running locustfiles needs the Python package: pip install katydid
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let args = &words[words.len().min(1)..];
    let code = match args.split_first() {
        Some((first, rest)) if first == "target" => katydid::target::main(rest),
        Some((first, _)) if katydid::runs::COMMANDS.contains(&first.as_str()) => {
            katydid::runs::main(args)
        }
        Some((first, _)) if first == "--version" || first == "-V" => {
            let _ = writeln!(io::stdout(), "katydid {}", env!("CARGO_PKG_VERSION"));
            0
        }
        Some((first, _)) if first == "--help" || first == "-h" => {
            let _ = io::stdout().write_all(HELP.as_bytes());
            0
        }
        // It says which URLs can be asked for.
        Some((first, _)) if first.contains("://") => katydid::run_urls(&[], args),
        _ if katydid::is_url_mode(args) => katydid::run_urls(&[], args),
        _ => {
            let _ = io::stderr().write_all(HELP.as_bytes());
            2
        }
    };
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}
