//! `startup`, `uninstallStartup`: rpm2 started with the system, with the processes that were saved.

mod apply;
mod launchd;
mod openrc;
mod plan;
mod system;
mod systemd;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use self::{
    plan::{Plan, Service},
    system::System,
};
use super::{Session, VerbResult, raw};
use crate::{
    app::Caller,
    client::{ClientError, Progress},
};

/// `{destination, template}` once the service is installed: pm2's words for the file and its text.
pub(super) async fn startup(session: &Session, platform: &Value, options: &Value) -> VerbResult {
    let work = Work::new(session, platform, options, "startup")?;
    let plan = work.system.install(&work.service);
    let Some(file) = plan.files.first().cloned() else {
        return Err(ClientError::Usage("there is nothing to write".to_owned()));
    };
    let line = |text: &str| session.progress(&Progress::Line(text.to_owned()));
    line(&format!("Platform {}", work.system.name()));
    line("Template");
    line(&file.text);
    line("Target path");
    line(&file.path.display().to_string());
    line("Command list");
    line(&format!("[ {} ]", quoted(&plan)));
    let session_of_task = session.clone();
    let root = work.root.clone();
    blocking(move || apply::install(&session_of_task, &plan, root.as_deref())).await?;
    line("+---------------------------------------+");
    let info = |text: &str| session.progress(&Progress::Info(text.to_owned()));
    info("Freeze a process list on reboot via:");
    line("$ rpm2 save\n");
    info("Remove init script via:");
    line(&format!("$ rpm2 unstartup {}", work.system.name()));
    let answer = json!({ "destination": file.path.to_string_lossy(), "template": file.text });
    Ok(Some(raw(&answer)))
}

/// `{commands, platform}` once the service is removed. What runs is not stopped: pm2 stops it, and with it all apps.
pub(super) async fn uninstall(session: &Session, platform: &Value, options: &Value) -> VerbResult {
    let work = Work::new(session, platform, options, "unstartup")?;
    let plan = work.system.remove(&work.service);
    let session_of_task = session.clone();
    let root = work.root.clone();
    let commands: Vec<String> = plan.commands.iter().map(|words| words.join(" ")).collect();
    blocking(move || apply::remove(&session_of_task, &plan, root.as_deref())).await?;
    session.progress(&Progress::Info("Init file disabled.".to_owned()));
    let answer = json!({ "commands": commands, "platform": work.system.name() });
    Ok(Some(raw(&answer)))
}

async fn blocking(
    work: impl FnOnce() -> Result<(), ClientError> + Send + 'static,
) -> Result<(), ClientError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ClientError::Usage(error.to_string())))
}

fn quoted(plan: &Plan) -> String {
    let commands = plan.commands.iter();
    let commands = commands.map(|words| format!("'{}'", words.join(" ")));
    commands.collect::<Vec<_>>().join(", ")
}

/// What is to be installed or removed, and where.
struct Work {
    system: System,
    service: Service,
    root: Option<PathBuf>,
}

impl Work {
    fn new(
        session: &Session,
        platform: &Value,
        options: &Value,
        verb: &'static str,
    ) -> Result<Self, ClientError> {
        let options = match options {
            Value::Object(options) => options.clone(),
            _ => Map::new(),
        };
        let text = |key: &str| options.get(key).and_then(Value::as_str);
        let caller = session.caller();
        let wanted = platform.as_str().filter(|name| !name.is_empty());
        let system = choose(session, wanted)?;
        let service = service(session, &options, system)?;
        let root = text("root").map(|root| caller.cwd.join(root));
        if !caller.is_root && root.is_none() {
            return Err(ClientError::NotRoot {
                verb,
                command: root_command(caller, session, verb, system, &service),
            });
        }
        Ok(Self {
            system,
            service,
            root,
        })
    }
}

/// The system that the caller names, else the one that is there. Who names another one is told.
fn choose(session: &Session, wanted: Option<&str>) -> Result<System, ClientError> {
    let found = System::find(|program| session.caller().find_program(program).is_some());
    if let Some(found) = found {
        session.progress(&Progress::Info(format!(
            "Init System found: {}",
            found.name()
        )));
    }
    let Some(wanted) = wanted else {
        return found.ok_or_else(|| {
            ClientError::Refused(format!(
                "Init system not found: name one of {}",
                System::names()
            ))
        });
    };
    let chosen = System::named(wanted).ok_or_else(|| {
        ClientError::Usage(format!(
            "Unknown platform / init system name {wanted}: expected one of {}",
            System::names()
        ))
    })?;
    if let Some(found) = found.filter(|found| *found != chosen) {
        let rule = "-".repeat(59);
        session.progress(&Progress::Line(format!(
            "{rule}\n rpm2 detected {} but you precised {wanted}\n Please verify that your choice is indeed your init system\n \
             If you arent sure, just run : rpm2 startup\n{rule}",
            found.name()
        )));
    }
    Ok(chosen)
}

/// What the options and the caller's surroundings say about the service.
fn service(
    session: &Session,
    options: &Map<String, Value>,
    system: System,
) -> Result<Service, ClientError> {
    let caller = session.caller();
    let text = |keys: [&str; 2]| {
        let mut values = keys.iter().filter_map(|key| options.get(*key)?.as_str());
        values.next().map(str::to_owned)
    };
    let user = text(["user", "u"]).unwrap_or_else(|| caller.username.clone());
    let home = match text(["hp", "home"]) {
        Some(home) => caller.cwd.join(home).join(".rpm2"),
        None if user == caller.username => session.home().root().to_owned(),
        None => home_of(&user)?.join(".rpm2"),
    };
    let path = caller.env.get("PATH").cloned().unwrap_or_default();
    let service = Service {
        name: text(["serviceName", "service_name"]).unwrap_or_else(|| format!("rpm2-{user}")),
        user,
        home,
        binary: std::path::absolute(session.binary()).unwrap_or_else(|_| session.binary().into()),
        path: with_usual_folders(&path),
        waits_for_network: options.get("waitIp") == Some(&Value::Bool(true)),
    };
    service.check().map_err(|what| {
        ClientError::Usage(format!("{} cannot be a service: {what}", system.name()))
    })?;
    Ok(service)
}

fn home_of(user: &str) -> Result<PathBuf, ClientError> {
    let found = nix::unistd::User::from_name(user).ok().flatten();
    found
        .map(|user| user.dir)
        .ok_or_else(|| ClientError::Refused(format!("User {user} cannot be found")))
}

/// The caller's PATH, and the folders that a system's service should not be without.
fn with_usual_folders(path: &str) -> String {
    let usual = [
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
    ];
    let mut folders: Vec<&str> = Vec::new();
    for folder in path.split(':').chain(usual) {
        if folder.starts_with('/') && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders.join(":")
}

/// What somebody who is not root has to run.
fn root_command(
    caller: &Caller,
    session: &Session,
    verb: &str,
    system: System,
    service: &Service,
) -> String {
    let node = caller
        .node
        .parent()
        .map(|folder| folder.display().to_string());
    let more = node.filter(|folder| !folder.is_empty());
    let path = more.map_or_else(String::new, |folder| format!(":{folder}"));
    let binary = session.binary().display();
    let home = if service.home.ends_with(".rpm2") {
        let parent = service.home.parent().unwrap_or(&service.home);
        format!(" --hp {}", parent.display())
    } else {
        String::new()
    };
    let variable = if home.is_empty() {
        format!(" RPM2_HOME={}", service.home.display())
    } else {
        String::new()
    };
    format!(
        "sudo env PATH=$PATH{path}{variable} {binary} {verb} {} -u {}{home}",
        system.name(),
        service.user
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_has_every_folder_once() {
        assert_eq!(
            with_usual_folders("/opt/node/bin:/usr/bin:.:/opt/node/bin:"),
            "/opt/node/bin:/usr/bin:/usr/local/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
        );
    }
}
