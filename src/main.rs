//! The `rpm2` executable: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    rpm2::cli::main()
}
