//! `reload`: puts new runs in the place of running ones, so that no client of theirs notices.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

use super::{
    Session, VerbResult,
    act::{Action, on_each},
    raw, restart,
    select::{all, select},
    start,
};
use crate::{client::ClientError, home::write_private};

/// A lock that is older was left behind.
const LOCK_AGE: Duration = Duration::from_secs(30);

/// pm2's short answers, one a process: those of the old runs of clustered apps. What is not clustered is restarted.
pub(super) async fn reload(session: &Session, target: &Value, options: &Value) -> VerbResult {
    let _lock = Lock::take(session, options.get("force") == Some(&Value::Bool(true)))?;
    if let Some(done) = start::declared(session, target, options, Action::reload).await {
        return done;
    }
    let options = options.as_object().cloned().unwrap_or_default();
    let processes = all(session).await?;
    let ids = select(&processes, target)?;
    let action = Action {
        together: parallel(&options),
        ..Action::reload(restart::change(session, &without(&options))?)
    };
    Ok(Some(raw(
        &on_each(session, &action, &ids, &processes).await?
    )))
}

/// How many processes of an app are reloaded at a time.
fn parallel(options: &Map<String, Value>) -> usize {
    let value = options.get("parallel");
    let number = value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    number
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(1)
}

/// The options that are attributes.
fn without(options: &Map<String, Value>) -> Value {
    let mut options = options.clone();
    options.shift_remove("force");
    options.shift_remove("parallel");
    Value::Object(options)
}

/// pm2's lock against a second reload: a file with the time of the first, emptied when it has ended.
struct Lock {
    path: PathBuf,
}

impl Lock {
    fn take(session: &Session, forced: bool) -> Result<Self, ClientError> {
        let path = session.home().reload_lock();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let left = age_left(&text, now);
        if let Some(left) = left
            && !forced
        {
            let seconds = left.as_secs();
            return Err(ClientError::Reloading { seconds });
        }
        // Without a home there is no daemon yet either, and nothing to lock.
        let _ = write_private(&path, now.as_millis().to_string().as_bytes());
        Ok(Self { path })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = write_private(&self.path, b"");
    }
}

/// How long the lock of this text still holds.
fn age_left(text: &str, now: Duration) -> Option<Duration> {
    let since = Duration::from_millis(text.trim().parse().ok()?);
    (since + LOCK_AGE)
        .checked_sub(now)
        .filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_lock_holds_for_half_a_minute() {
        let now = Duration::from_secs(1000);
        let table = [
            ("", None),
            ("nonsense", None),
            ("970000", None),
            ("1000000", Some(30)),
            ("985000\n", Some(15)),
        ];
        for (text, left) in table {
            assert_eq!(
                age_left(text, now).map(|left| left.as_secs()),
                left,
                "{text}"
            );
        }
    }

    #[test]
    fn one_at_a_time_unless_more_are_asked_for() {
        for (options, expected) in [
            (json!({}), 1),
            (json!({ "parallel": 4 }), 4),
            (json!({ "parallel": "3" }), 3),
            (json!({ "parallel": null }), 1),
        ] {
            assert_eq!(parallel(options.as_object().unwrap()), expected);
        }
    }
}
