//! What stop, restart and delete have in common: for each process a call, pm2's word of it on the bus, and pm2's short
//! answer.

use serde_json::{Map, Value, json};

use super::{Session, select::Listed};
use crate::client::{ClientError, Progress};

/// An action on single processes.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    /// The daemon's method.
    pub method: &'static str,
    /// A method of ours beyond pm2's that does it better, where the daemon has it.
    pub better: Option<&'static str>,
    /// The event that tells of it, if any.
    pub event: Option<&'static str>,
    /// What is to be done about watching first.
    pub stops_watch: bool,
    /// Environment for the method; without it the method takes the bare number.
    pub env: Option<Value>,
    /// Calls at the same time for the processes of one cluster app: the others go on serving.
    pub together: usize,
    /// Whether the rest of a cluster app is left as it is when it failed for one of its processes.
    pub stops_at_failure: bool,
}

impl Action {
    /// As pm2 restarts.
    pub(crate) fn restart(env: Value) -> Self {
        Self {
            method: "restartProcessId",
            better: None,
            event: Some("restart"),
            stops_watch: false,
            env: Some(env),
            together: 2,
            stops_at_failure: false,
        }
    }

    /// One at a time, and no further where one did not come up: the others are all that is left of the app.
    pub(crate) fn reload(env: Value) -> Self {
        Self {
            method: "reloadProcessId",
            event: Some("reload"),
            together: 1,
            stops_at_failure: true,
            ..Self::restart(env)
        }
    }

    /// As pm2 ends processes that are too many, but clustered ones first finish what they serve.
    pub(crate) fn retire() -> Self {
        Self {
            better: Some("rpm2RetireProcessId"),
            ..Self::end("deleteProcessId", None)
        }
    }

    /// As pm2 ends processes.
    pub(crate) fn end(method: &'static str, event: Option<&'static str>) -> Self {
        Self {
            method,
            better: None,
            event,
            stops_watch: true,
            env: None,
            together: 2,
            stops_at_failure: false,
        }
    }
}

/// Does the action on each process; all at once, but for the processes of one cluster app. pm2's short answers are in
/// the order of `ids`; the first error counts, after the rest was done.
pub(crate) async fn on_each(
    session: &Session,
    action: &Action,
    ids: &[u32],
    processes: &[Listed],
) -> Result<Vec<Value>, ClientError> {
    let answers = on_each_whole(session, action, ids, processes).await?;
    Ok(answers.iter().map(short).collect())
}

/// The same with the daemon's answers as they are.
pub(crate) async fn on_each_whole(
    session: &Session,
    action: &Action,
    ids: &[u32],
    processes: &[Listed],
) -> Result<Vec<Value>, ClientError> {
    let first = processes
        .iter()
        .find(|process| ids.first() == Some(&process.pm_id));
    session.progress(&Progress::Applying {
        method: action.method,
        name: first.map_or_else(String::new, |process| process.name.clone()),
        ids: ids.to_vec(),
    });
    let mut done: Vec<(usize, Result<Value, ClientError>)> = Vec::new();
    let mut running = tokio::task::JoinSet::new();
    for lane in lanes(ids, processes, action.together) {
        let (session, action) = (session.clone(), action.clone());
        running.spawn(async move {
            let mut answers = Vec::new();
            for (index, id) in lane {
                let answer = on_one(&session, &action, id).await;
                let failed = answer.is_err();
                answers.push((index, answer));
                if failed && action.stops_at_failure {
                    break;
                }
            }
            answers
        });
    }
    while let Some(answers) = running.join_next().await {
        done.extend(answers.unwrap_or_default());
    }
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// Indices and numbers of processes.
type Lane = Vec<(usize, u32)>;

/// What runs one after the other: fork processes each have a lane of their own, those of a cluster app share
/// `together` lanes.
fn lanes(ids: &[u32], processes: &[Listed], together: usize) -> Vec<Lane> {
    let mut lanes: Vec<(Option<String>, Lane)> = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let process = processes.iter().find(|process| process.pm_id == *id);
        let app = process
            .filter(|process| process.is_cluster())
            .map(|process| process.name.clone());
        let of_app = || {
            lanes
                .iter()
                .enumerate()
                .filter(|(_, (name, _))| app.is_some() && *name == app)
        };
        let shortest = of_app()
            .min_by_key(|(_, (_, lane))| lane.len())
            .map(|(at, _)| at);
        match shortest {
            Some(at) if of_app().count() >= together.max(1) => lanes[at].1.push((index, *id)),
            _ => lanes.push((app, vec![(index, *id)])),
        }
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

async fn on_one(session: &Session, action: &Action, id: u32) -> Result<Value, ClientError> {
    if action.stops_watch {
        // Of no consequence for a process that is unknown: the method itself then says so.
        let _ = session
            .call("stopWatch", &["\"stopProcessId\"", &id.to_string()])
            .await;
    }
    let argument = match &action.env {
        Some(env) => json!({ "id": id, "env": env }).to_string(),
        None => id.to_string(),
    };
    let answer = call(session, action, &argument).await?;
    if let Some(event) = action.event {
        let word = json!({ "id": id, "action_name": event, "manually": true });
        session
            .call("notifyByProcessId", &[&word.to_string()])
            .await?;
    }
    let name = answer.get("pm2_env").and_then(|env| env.get("name"));
    let name = name.and_then(Value::as_str).unwrap_or_default();
    session.progress(&Progress::Done {
        name: name.to_owned(),
        id,
    });
    Ok(answer)
}

async fn call(session: &Session, action: &Action, argument: &str) -> Result<Value, ClientError> {
    if let Some(method) = action.better {
        let unknown = format!("method \"{method}\" does not exist");
        match session.call_as(method, &[argument]).await {
            Err(ClientError::Refused(text)) if text == unknown => {}
            answer => return answer,
        }
    }
    session.call_as(action.method, &[argument]).await
}

/// pm2's answer for one process.
fn short(process: &Value) -> Value {
    let env = process.get("pm2_env").cloned().unwrap_or_default();
    let mut answer = Map::new();
    for key in ["name", "namespace", "pm_id", "status", "restart_time"] {
        if let Some(value) = env.get(key) {
            answer.insert(key.into(), value.clone());
        }
    }
    let mut nested = answer.clone();
    if let Some(value) = env.get("env") {
        nested.insert("env".into(), value.clone());
    }
    answer.insert("pm2_env".into(), Value::Object(nested));
    Value::Object(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_a_cluster_app_go_at_a_time_and_fork_processes_all_at_once() {
        let listed = |pm_id: u32, name: &str, mode: &str| Listed {
            pm_id,
            name: name.to_owned(),
            pm2_env: json!({ "exec_mode": mode }).as_object().unwrap().clone(),
        };
        let processes: Vec<Listed> = (0..5)
            .map(|id| listed(id, "web", "cluster_mode"))
            .chain((5..8).map(|id| listed(id, "job", "fork_mode")))
            .collect();
        let ids: Vec<u32> = (0..8).collect();
        for (together, expected) in [(2, vec![1, 1, 1, 2, 3]), (1, vec![1, 1, 1, 5])] {
            let lanes = lanes(&ids, &processes, together);
            let mut sizes: Vec<usize> = lanes.iter().map(Vec::len).collect();
            sizes.sort_unstable();
            assert_eq!(sizes, expected);
        }
    }
}
