//! `reset`: counters of processes at zero.

use serde_json::Value;

use super::{
    Session, VerbResult,
    select::{Listed, all},
    success,
};
use crate::client::{ClientError, Progress};

/// `{success: true}`. A number need not exist, as in pm2.
pub(super) async fn reset(session: &Session, target: &Value) -> VerbResult {
    let processes = all(session).await?;
    for id in select(&processes, target)? {
        session.progress(&Progress::Info(format!(
            "Resetting meta for process id {id}"
        )));
        let done = session.call("resetMetaProcessId", &[&id.to_string()]).await;
        match done {
            Err(ClientError::Refused(text)) => session.progress(&Progress::Trouble(text)),
            done => drop(done?),
        }
    }
    Ok(Some(success()))
}

/// Here a number is an id before it is a name.
fn select(processes: &[Listed], target: &Value) -> Result<Vec<u32>, ClientError> {
    let text = match target {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        other => {
            let text = format!("reset expects a process name, id or `all`, got {other}");
            return Err(ClientError::Usage(text));
        }
    };
    if let Ok(id) = text.parse() {
        return Ok(vec![id]);
    }
    let ids: Vec<u32> = processes
        .iter()
        .filter(|process| text == "all" || process.name == text)
        .map(|process| process.pm_id)
        .collect();
    if ids.is_empty() && text != "all" {
        return Err(ClientError::Refused("Unknown process name".to_owned()));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_of_targets() {
        let processes: Vec<Listed> = serde_json::from_value(json!([
            { "pm_id": 0, "name": "a" }, { "pm_id": 1, "name": "b" }, { "pm_id": 2, "name": "a" }
        ]))
        .unwrap();
        let table = [
            (json!("a"), Ok(vec![0, 2])),
            (json!("all"), Ok(vec![0, 1, 2])),
            (json!(1), Ok(vec![1])),
            (json!("99"), Ok(vec![99])),
            (json!("none"), Err("Unknown process name")),
        ];
        for (target, expected) in table {
            let found = select(&processes, &target).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{target}");
        }
        assert!(matches!(
            select(&processes, &json!([])),
            Err(ClientError::Usage(_))
        ));
    }
}
