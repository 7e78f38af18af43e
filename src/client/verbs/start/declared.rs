//! Apps declared by an object, an array or a file.

use futures_util::{StreamExt, stream::FuturesOrdered};
use serde_json::{Map, Value};

use super::{Options, Session, VerbResult, declared_options, prepare};
use crate::{
    app::{self, Overrides},
    client::{
        ClientError, Progress,
        verbs::{
            act::{Action, on_each},
            by_file, raw,
            select::{Listed, all},
        },
    },
};

pub(super) async fn from_file(
    session: &Session,
    path: &str,
    options: &Map<String, Value>,
    listed: ForListed,
) -> VerbResult {
    let config = by_file::load(session, path).await?;
    start_all(session, config.all_apps(session.binary()), options, listed).await
}

pub(super) async fn from_object(
    session: &Session,
    object: Map<String, Value>,
    options: &Map<String, Value>,
    listed: ForListed,
) -> VerbResult {
    let text = Value::Object(object).to_string();
    let config =
        app::load_text(&text, "object").map_err(|error| ClientError::Usage(error.to_string()))?;
    start_all(session, config.all_apps(session.binary()), options, listed).await
}

pub(super) async fn from_array(
    session: &Session,
    list: Vec<Value>,
    options: &Map<String, Value>,
    listed: ForListed,
) -> VerbResult {
    let text = Value::Array(list).to_string();
    let config =
        app::load_text(&text, "array").map_err(|error| ClientError::Usage(error.to_string()))?;
    start_all(session, config.all_apps(session.binary()), options, listed).await
}

/// Starts or restarts every declared app. Nothing is started if an attribute is wrong; an app whose script is missing
/// does not keep the others from starting.
async fn start_all(
    session: &Session,
    apps: Vec<Map<String, Value>>,
    options: &Map<String, Value>,
    for_listed: ForListed,
) -> VerbResult {
    let how = declared_options(options);
    let only = options.get("only").and_then(Value::as_str);
    let batch = app::declare(&apps, &Overrides::from_options(options), only, &how)
        .map_err(ClientError::Attributes)?;
    session.warn(&batch.warnings);
    let listed = all(session).await?;
    let names = batch.apps.iter().map(|(name, _)| name.clone());
    let new: Vec<String> = names
        .filter(|name| listed.iter().all(|process| process.name != *name))
        .collect();
    if !new.is_empty() {
        session.progress(&Progress::NotRunning(new));
    }
    let mut outcome = Outcome::default();
    let mut under_way = FuturesOrdered::new();
    for (name, declaration) in &batch.apps {
        let ids: Vec<u32> = listed
            .iter()
            .filter(|process| process.name == *name)
            .map(|process| process.pm_id)
            .collect();
        // The numbers of the processes follow the order of the apps: the daemon gives them in the order of the calls, but
        // one by one if an app has several.
        let is_simple = ids.is_empty() && is_single(declaration);
        let most = if is_simple { ABREAST - 1 } else { 0 };
        while under_way.len() > most
            && let Some(started) = under_way.next().await
        {
            outcome.add(started)?;
        }
        if is_simple {
            under_way.push_back(start_new(session, name, declaration, &how));
        } else if ids.is_empty() {
            outcome.add(start_new(session, name, declaration, &how).await)?;
        } else {
            let changed = change(session, declaration, &how, (&ids, &listed), for_listed);
            outcome.add(changed.await)?;
        }
    }
    while let Some(started) = under_way.next().await {
        outcome.add(started)?;
    }
    outcome.result()
}

/// So many apps are started at a time: while one is being started the next ones are prepared.
const ABREAST: usize = 8;

/// Whether a declaration asks for one process.
fn is_single(declaration: &app::Declaration) -> bool {
    match declaration.get("instances") {
        None | Some(Value::Null) => true,
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        Some(Value::String(text)) => text.trim() == "1",
        Some(_) => false,
    }
}

/// What came of the apps so far.
#[derive(Default)]
struct Outcome {
    results: Vec<Value>,
    messages: Vec<String>,
}

impl Outcome {
    fn add(&mut self, started: Result<Vec<Value>, ClientError>) -> Result<(), ClientError> {
        match started {
            Ok(children) => self.results.extend(children),
            // Without a daemon the rest cannot be started either.
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => self.messages.push(error.to_string()),
        }
        Ok(())
    }

    fn result(self) -> VerbResult {
        let Self { results, messages } = self;
        let result = Some(raw(&results));
        if messages.is_empty() {
            Ok(result)
        } else {
            Err(ClientError::Several { messages, result })
        }
    }
}

async fn start_new(
    session: &Session,
    name: &str,
    declaration: &app::Declaration,
    how: &Options,
) -> Result<Vec<Value>, ClientError> {
    let prepared = app::process_env(declaration, session.caller(), how)
        .map_err(|error| ClientError::Usage(error.to_string()))?;
    session.warn(&prepared.warnings);
    let children = prepare(session, &prepared).await?;
    session.progress(&Progress::Launched {
        name: name.to_owned(),
        instances: children.len(),
    });
    Ok(children)
}

/// What is done with declared apps that are listed already: what makes an action of their environment.
pub(in crate::client::verbs) type ForListed = fn(Value) -> Action;

async fn change(
    session: &Session,
    declaration: &app::Declaration,
    how: &Options,
    (ids, listed): (&[u32], &[Listed]),
    for_listed: ForListed,
) -> Result<Vec<Value>, ClientError> {
    let prepared = app::restart_env(declaration, session.caller(), how);
    session.warn(&prepared.warnings);
    let action = for_listed(Value::Object(prepared.env));
    on_each(session, &action, ids, listed).await
}
