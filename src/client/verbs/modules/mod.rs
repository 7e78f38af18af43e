//! `install`, `uninstall`: modules, which are npm packages that declare apps. They live below the home, are started with
//! every daemon, and are not among what `all` means.

mod npm;
mod package;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use self::package::Package;
use super::{
    Session, VerbResult,
    act::{Action, on_each},
    raw,
    select::{Listed, all},
    start::prepare,
};
use crate::{
    app::{self, Caller, Options, Prepared, Warning, settings::Settings},
    client::{ClientError, Progress},
    home::Home,
};

/// The children of `start`. What is installed already is replaced, and stays if the new one cannot be had.
pub(super) async fn install(session: &Session, spec: &Value) -> VerbResult {
    let Value::String(spec) = spec else {
        let text =
            format!("install expects a module that npm knows, a tarball or a folder, got {spec}");
        return Err(ClientError::Usage(text));
    };
    session.connect().await?;
    let children = if spec == "." {
        in_place(session).await?
    } else {
        from_npm(session, spec).await?
    };
    say(session, "Module successfully installed and launched");
    Ok(Some(raw(&children)))
}

/// A module under development: run where it is, and restarted with its files.
async fn in_place(session: &Session) -> Result<Vec<Value>, ClientError> {
    let folder = session.caller().cwd.clone();
    say(session, "Installing local NPM module");
    let package = Package::read(&folder)?;
    say(
        session,
        "Installing local module in DEVELOPMENT MODE with WATCH auto restart",
    );
    remove_processes(session, &package.name, &folder).await?;
    start(session, session.caller(), &package, &folder, true).await
}

async fn from_npm(session: &Session, spec: &str) -> Result<Vec<Value>, ClientError> {
    say(session, &format!("Installing NPM {spec} module"));
    let home = session.home().clone();
    home.create()?;
    let npm = npm::Npm::find(session.caller())?;
    say(session, &format!("Calling [NPM] to install {spec} ..."));
    let staged = {
        let (home, spec, caller) = (home.clone(), spec.to_owned(), session.caller().clone());
        blocking(move || npm.stage(&home, &spec, &caller)).await?
    };
    say(session, "Module downloaded");
    let package = staged.package().clone();
    // One that could not be started must not take the place of one that runs.
    declare(session.caller(), &package, &staged.module(), false)?;
    let folder = folder_of(&home, &package.name);
    remove_processes(session, &package.name, &folder).await?;
    staged.put_in_place(&place_of(&home, &package.name))?;
    let mut settings = Settings::read(&home)?;
    settings.add_module(&package.name, &package.config);
    settings.write(&home)?;
    for line in settings.lines(Some(&package.name)) {
        session.progress(&Progress::Line(line));
    }
    start(session, session.caller(), &package, &folder, false).await
}

/// Nothing, once the module, but not its settings, is gone. `all` means every module.
pub(super) async fn uninstall(session: &Session, name: &Value) -> VerbResult {
    let Value::String(name) = name else {
        let text = format!("uninstall expects the name of a module or `all`, got {name}");
        return Err(ClientError::Usage(text));
    };
    let home = session.home().clone();
    let mut settings = Settings::read(&home)?;
    say(session, &format!("Uninstalling module {name}"));
    let installed = settings.modules();
    let meant: Vec<String> = if name == "all" {
        installed
    } else {
        installed
            .into_iter()
            .filter(|known| known == name)
            .collect()
    };
    if meant.is_empty() {
        return Err(ClientError::Refused("Unknown module".to_owned()));
    }
    for name in meant {
        remove_processes(session, &name, &folder_of(&home, &name)).await?;
        let place = place_of(&home, &name);
        session.progress(&Progress::Line(format!("Deleting {}", place.display())));
        match fs::remove_dir_all(&place) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(ClientError::File {
                    what: "remove",
                    path: place,
                    source,
                });
            }
            _ => {}
        }
        settings.remove_module(&name);
    }
    settings.write(&home)?;
    Ok(None)
}

/// Starts every module of a daemon that has just been launched. What cannot be started is told of.
pub(in crate::client) async fn start_all(session: &Session) {
    let home = session.home();
    let names = Settings::read(home).map_or_else(|_| Vec::new(), |settings| settings.modules());
    if names.is_empty() {
        return;
    }
    let program = session.caller().program;
    let node = Some(session.caller().node.clone()).filter(|node| node.is_absolute());
    let Ok(caller) = Caller::current(home.clone(), program, node) else {
        return;
    };
    for name in names {
        let folder = folder_of(home, &name);
        let started = match Package::read(&folder) {
            Ok(package) => start(session, &caller, &package, &folder, false).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = started {
            session.progress(&Progress::Trouble(format!(
                "the module {name} is not started: {error}"
            )));
        }
    }
}

async fn start(
    session: &Session,
    caller: &Caller,
    package: &Package,
    folder: &Path,
    watches: bool,
) -> Result<Vec<Value>, ClientError> {
    let mut children = Vec::new();
    for (prepared, warnings) in declare(caller, package, folder, watches)? {
        session.warn(&warnings);
        children.extend(prepare(session, &prepared).await?);
    }
    Ok(children)
}

/// What is to be started of a module in this folder.
fn declare(
    caller: &Caller,
    package: &Package,
    folder: &Path,
    watches: bool,
) -> Result<Vec<(Prepared, Vec<Warning>)>, ClientError> {
    let mut all = Vec::new();
    for declared in &package.apps {
        let mut declared = declared.clone();
        let cwd = declared.get("cwd").and_then(Value::as_str);
        let cwd = folder.join(cwd.unwrap_or_default());
        declared.insert("cwd".to_owned(), cwd.to_string_lossy().into());
        if !declared.contains_key("name") {
            declared.insert("name".to_owned(), package.name.as_str().into());
        }
        if watches {
            declared.insert("watch".to_owned(), true.into());
        }
        let normalised = app::normalise(&declared).map_err(ClientError::Attributes)?;
        let options = Options {
            env_name: None,
            from_object: true,
        };
        let prepared = app::process_env(&normalised.declaration, caller, &options);
        let mut prepared = prepared.map_err(|error| ClientError::Usage(error.to_string()))?;
        prepared.env.insert("pmx_module".to_owned(), true.into());
        all.push((prepared, normalised.warnings));
    }
    Ok(all)
}

/// Ends the processes of a module.
async fn remove_processes(session: &Session, name: &str, folder: &Path) -> Result<(), ClientError> {
    let processes = all(session).await?;
    let is_meant = |process: &&Listed| {
        process.is_module()
            && (process.name == name || Path::new(process.text("pm_cwd")).starts_with(folder))
    };
    let ids: Vec<u32> = processes
        .iter()
        .filter(is_meant)
        .map(|process| process.pm_id)
        .collect();
    let action = Action::end("deleteProcessId", None);
    on_each(session, &action, &ids, &processes).await?;
    Ok(())
}

/// Where a module and what it needs are.
fn place_of(home: &Home, name: &str) -> PathBuf {
    home.modules().join(name)
}

/// The module itself.
fn folder_of(home: &Home, name: &str) -> PathBuf {
    place_of(home, name).join("node_modules").join(name)
}

fn say(session: &Session, text: &str) {
    session.progress(&Progress::Line(format!("[PM2][Module] {text}")));
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ClientError::Usage(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_below_the_home_scopes_too() {
        let home = Home::at("/h");
        assert_eq!(
            folder_of(&home, "@scope/mod"),
            Path::new("/h/modules/@scope/mod/node_modules/@scope/mod")
        );
        assert_eq!(place_of(&home, "mod"), Path::new("/h/modules/mod"));
    }
}
