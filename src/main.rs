//! The command line: reads it and the settings, and hands over.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
