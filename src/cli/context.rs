//! What every verb works with: the session, where it prints, and the telling of what happens.

use std::{
    env, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::value::RawValue;
use tokio::runtime::{Builder, Runtime};

use super::{
    error::CommandError,
    listed::{self, Listed},
    output::{Output, Style},
};
use crate::{
    app::{Caller, Program},
    client::{Progress, Session, SessionOptions, verbs},
    home::Home,
};

/// One run of the command.
pub(super) struct Context {
    pub(super) session: Session,
    pub(super) out: Output,
    /// What the caller named, for the lines that say what is done to it.
    target: Arc<Mutex<String>>,
    /// Whether standard output is for data only.
    data_only: bool,
}

/// How much of the caller's surroundings a verb needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surroundings {
    /// All: it declares apps.
    All,
    /// Only the home: looking up the user, Node and the environment would cost more than the verb itself.
    Home,
}

/// A runtime for one verb.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

impl Context {
    pub(super) fn new(out: &Output, surroundings: Surroundings) -> Result<Self, CommandError> {
        let home = Home::from_env()?;
        let caller = match surroundings {
            Surroundings::All => {
                Caller::current(home, Program::Cli, None).map_err(CommandError::Folder)?
            }
            Surroundings::Home => bare_caller(home),
        };
        let binary = match env::var_os("RPM2_BINARY").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => env::current_exe().map_err(CommandError::Executable)?,
        };
        let context = Self {
            session: Session::new(SessionOptions { caller, binary }),
            out: out.clone(),
            target: Arc::default(),
            data_only: false,
        };
        let (out, target) = (out.clone(), Arc::clone(&context.target));
        context.session.observe(move |progress| {
            let target = target
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            tell(&out, &target, progress);
        });
        Ok(context)
    }

    /// For a verb whose standard output is data: what else is to be said goes to standard error.
    pub(super) fn data_only(mut self) -> Self {
        self.data_only = true;
        self
    }

    /// Sets what the caller named; empty if each app is to be called by its own name.
    pub(super) fn set_target(&self, target: &str) {
        target.clone_into(&mut self.target.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Connects, and says so if a daemon has to be launched.
    pub(super) async fn connect(&self) -> Result<(), CommandError> {
        if self.session.connect_running().await? {
            return Ok(());
        }
        let say = |text: &str| {
            if self.data_only {
                self.out.note(text);
            } else {
                self.out.info(text);
            }
        };
        say(&format!(
            "Spawning PM2 daemon with pm2_home={}",
            self.session.home().root().display()
        ));
        self.session.connect().await?;
        say("PM2 Successfully daemonized");
        Ok(())
    }

    /// Runs one of pm2's verbs, and passes on what it warns of.
    pub(super) async fn verb<const N: usize>(
        &self,
        verb: &str,
        args: [serde_json::Value; N],
    ) -> Result<Option<Box<RawValue>>, CommandError> {
        let args = args.iter().map(verbs::raw).collect();
        let result = verbs::dispatch(&self.session, verb, args).await;
        for warning in self.session.take_warnings() {
            self.out.advise(&warning);
        }
        Ok(result?)
    }

    /// Every process.
    pub(super) async fn processes(&self) -> Result<Vec<Listed>, CommandError> {
        let raw = self.session.call("getMonitorData", &["{}"]).await?;
        listed::read(raw.as_deref()).map_err(CommandError::Answer)
    }

    /// Prints the list of every process.
    pub(super) async fn print_list(&self) -> Result<(), CommandError> {
        let raw = self.session.call("getMonitorData", &["{}"]).await?;
        let processes = listed::read_briefly(raw.as_deref()).map_err(CommandError::Answer)?;
        let text = listed::render(processes, &self.out);
        if !text.is_empty() {
            self.out.lines(&text);
        }
        Ok(())
    }
}

/// A caller of whom nothing is known but the home.
fn bare_caller(home: Home) -> Caller {
    Caller {
        cwd: PathBuf::from("/"),
        env: std::collections::BTreeMap::new(),
        home,
        node: PathBuf::from("node"),
        username: String::new(),
        is_root: false,
        program: Program::Cli,
    }
}

/// pm2's lines for the steps of a verb.
fn tell(out: &Output, target: &str, progress: &Progress) {
    match progress {
        Progress::Starting {
            script,
            mode,
            instances,
        } => {
            let plural = if *instances == 1 { "" } else { "s" };
            out.info(&format!(
                "Starting {script} in {mode} ({instances} instance{plural})"
            ));
        }
        Progress::Info(text) => out.info(text),
        Progress::Line(text) => out.lines(text),
        Progress::Trouble(text) => out.error(text),
        Progress::Started => out.info("Done."),
        Progress::NotRunning(names) => {
            out.advise(&format!(
                "Applications {} not running, starting...",
                names.join(", ")
            ));
        }
        Progress::Launched { name, instances } => {
            out.info(&format!("App [{name}] launched ({instances} instances)"));
        }
        Progress::Applying { method, name, ids } if !ids.is_empty() => {
            let app = if target.is_empty() { name } else { target };
            out.info(&format!(
                "Applying action {method} on app [{app}](ids: {})",
                ids_of(target, ids)
            ));
        }
        Progress::Applying { .. } => {}
        Progress::Done { name, id } => {
            out.info(&format!("[{name}]({id}) {}", out.paint(Style::Plain, "✓")));
        }
    }
}

/// The numbers as pm2 writes them: one that the caller gave is text.
fn ids_of(target: &str, ids: &[u32]) -> String {
    match ids {
        [id] if id.to_string() == target => format!("[ '{id}' ]"),
        _ => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            format!("[ {} ]", ids.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_pm2_writes_them() {
        assert_eq!(ids_of("web", &[0, 1]), "[ 0, 1 ]");
        assert_eq!(ids_of("7", &[7]), "[ '7' ]");
        assert_eq!(ids_of("all", &[7]), "[ 7 ]");
    }
}
