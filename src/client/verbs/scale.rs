//! `scale`: more or fewer processes of an app.

use serde_json::Value;

use super::{
    Session, VerbResult,
    act::{Action, on_each},
    select::{Listed, all},
    success,
};
use crate::client::{ClientError, Progress};

/// More processes than this are asked for by mistake.
const LIMIT: usize = 10_000;

/// What the caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// So many in all.
    Total(usize),
    /// So many more.
    More(usize),
    /// So many fewer.
    Fewer(usize),
}

/// How to get there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Add(usize),
    Remove(usize),
}

/// `{success: true}` once there are as many as wanted. The lowest numbers go first.
pub(super) async fn scale(session: &Session, name: &Value, number: &Value) -> VerbResult {
    let wanted = wanted(number).map_err(ClientError::Usage)?;
    let name = match name {
        Value::String(name) => name.clone(),
        Value::Number(name) => name.to_string(),
        other => {
            let text = format!("scale expects the name of an app, got {other}");
            return Err(ClientError::Usage(text));
        }
    };
    let processes = all(session).await?;
    let of_app: Vec<&Listed> = processes
        .iter()
        .filter(|process| process.name == name)
        .collect();
    let Some(first) = of_app.first() else {
        return Err(ClientError::Refused("App not found".to_owned()));
    };
    match step(wanted, of_app.len()).map_err(ClientError::Refused)? {
        Step::Add(count) => {
            session.progress(&Progress::Info("Scaling up application".to_owned()));
            for _ in 0..count {
                let id = first.pm_id.to_string();
                session.call("duplicateProcessId", &[&id]).await?;
            }
        }
        Step::Remove(count) => {
            let action = Action::retire();
            for process in &of_app[..count] {
                on_each(session, &action, &[process.pm_id], &processes).await?;
            }
        }
    }
    Ok(Some(success()))
}

fn wanted(number: &Value) -> Result<Wanted, String> {
    let text = match number {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let read = |digits: &str| {
        digits
            .parse()
            .ok()
            .filter(|count| *count <= LIMIT)
            .ok_or_else(|| {
                format!(
                    "scale expects a number of processes, `+n` or `-n`, at most {LIMIT}, got {number}"
                )
            })
    };
    match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => read(digits).map(Wanted::More),
        (_, Some(digits)) => read(digits).map(Wanted::Fewer),
        _ => read(&text).map(Wanted::Total),
    }
}

fn step(wanted: Wanted, count: usize) -> Result<Step, String> {
    let same = || "Same process number".to_owned();
    match wanted {
        Wanted::Total(total) if total == count => Err(same()),
        Wanted::Total(total) if total > count => Ok(Step::Add(total - count)),
        Wanted::Total(total) => Ok(Step::Remove(count - total)),
        Wanted::More(more) => Ok(Step::Add(more)),
        Wanted::Fewer(0) => Err(same()),
        Wanted::Fewer(fewer) if fewer > count => {
            Err(format!("there are only {count} processes to remove"))
        }
        Wanted::Fewer(fewer) => Ok(Step::Remove(fewer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_totals_and_signs_are_changes() {
        let table = [
            (json!(3), Ok(Step::Add(1))),
            (json!("3"), Ok(Step::Add(1))),
            (json!(0), Ok(Step::Remove(2))),
            (json!("+2"), Ok(Step::Add(2))),
            (json!("-1"), Ok(Step::Remove(1))),
            (json!(-2), Ok(Step::Remove(2))),
            (json!("+0"), Ok(Step::Add(0))),
            (json!(2), Err("Same process number")),
            (json!("-0"), Err("Same process number")),
            (json!("-3"), Err("there are only 2 processes to remove")),
        ];
        for (number, expected) in table {
            let found = step(wanted(&number).unwrap(), 2);
            assert_eq!(found, expected.map_err(str::to_owned), "{number}");
        }
        for number in [
            json!("x"),
            json!("+x"),
            json!(2.5),
            json!(null),
            json!("+-1"),
            json!(1e9),
        ] {
            assert!(wanted(&number).is_err(), "{number}");
        }
    }
}
