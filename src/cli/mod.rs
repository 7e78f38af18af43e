//! The command.

use std::process::ExitCode;

/// Runs the command line and returns its exit code.
pub fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|verb| verb == "keeper")
    {
        return crate::keeper::main();
    }
    if std::env::args().nth(1).as_deref() == Some("daemon") {
        return crate::daemon::main(&crate::home::Home::from_env().expect("tmp"));
    }
    ExitCode::SUCCESS
}
