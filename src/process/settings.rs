//! The numbers and switches of `pm2_env` that steer a process, read once for each run.

use std::time::Duration;

use serde_json::Value;

use super::record::Pm2Env;

/// Longer than Node's servers keep an idle connection: 5 s, and a second that Node adds.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(7);

/// Attributes in the form they are used in, with pm2's defaults.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// From the stop signal to SIGKILL.
    pub kill_timeout: Duration,
    /// How long a replaced worker has for the connections it serves.
    pub drain_timeout: Duration,
    /// How long a start waits for the app's word.
    pub listen_timeout: Duration,
    /// Online only when the app says `ready`.
    pub wait_ready: bool,
    /// Stop with a message `shutdown` instead of a signal.
    pub shutdown_with_message: bool,
    /// Stop the whole process tree.
    pub treekill: bool,
    /// When to restart.
    pub restart: RestartSettings,
}

/// When a process that has ended is started again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RestartSettings {
    /// At all.
    pub autorestart: bool,
    /// Codes of exits that are meant.
    pub stop_exit_codes: Vec<i64>,
    /// Unstable exits after which it is given up.
    pub max_restarts: u32,
    /// A run shorter than this is unstable.
    pub min_uptime: Duration,
    /// Fixed pause before a restart.
    pub delay: Duration,
    /// First pause of a growing one.
    pub backoff: Duration,
}

impl Settings {
    /// Reads the attributes; what is missing or of no use has its default.
    pub(crate) fn read(env: &Pm2Env) -> Self {
        Self {
            kill_timeout: milliseconds(env, "kill_timeout").unwrap_or(Duration::from_millis(1600)),
            drain_timeout: milliseconds(env, "drain_timeout").unwrap_or(DRAIN_TIMEOUT),
            listen_timeout: milliseconds(env, "listen_timeout").unwrap_or(Duration::from_secs(3)),
            wait_ready: switch(env, "wait_ready", false),
            shutdown_with_message: switch(env, "shutdown_with_message", false),
            treekill: switch(env, "treekill", true),
            restart: RestartSettings {
                autorestart: switch(env, "autorestart", true),
                stop_exit_codes: codes(env.get("stop_exit_codes")),
                max_restarts: number(env.get("max_restarts")).map_or(16, whole),
                min_uptime: milliseconds(env, "min_uptime").unwrap_or(Duration::from_secs(1)),
                delay: milliseconds(env, "restart_delay").unwrap_or_default(),
                backoff: milliseconds(env, "exp_backoff_restart_delay").unwrap_or_default(),
            },
        }
    }
}

/// `false` may also be the text "false": environment variables and other clients write it so.
pub(crate) fn switch(env: &Pm2Env, key: &str, default: bool) -> bool {
    match env.get(key) {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => match text.as_str() {
            "true" => true,
            "false" => false,
            _ => default,
        },
        _ => default,
    }
}

fn milliseconds(env: &Pm2Env, key: &str) -> Option<Duration> {
    number(env.get(key))
        .filter(|value| *value > 0.0)
        .map(|value| Duration::from_secs_f64(value / 1000.0))
}

/// A number, also as text; at most a year in milliseconds, so that no arithmetic on times can overflow.
fn number(value: Option<&Value>) -> Option<f64> {
    const YEAR: f64 = 366.0 * 86_400_000.0;
    let value = match value? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (value.is_finite() && value >= 0.0).then_some(value.min(YEAR))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and the number is not negative"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

fn codes(value: Option<&Value>) -> Vec<i64> {
    let one = |value: &Value| match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Settings {
        let Value::Object(env) = value else {
            panic!("an object")
        };
        Settings::read(&env)
    }

    #[test]
    fn what_is_missing_has_pm2s_default() {
        let settings = read(json!({}));
        assert_eq!(settings.kill_timeout, Duration::from_millis(1600));
        assert_eq!(settings.listen_timeout, Duration::from_secs(3));
        assert!(settings.treekill && settings.restart.autorestart && !settings.wait_ready);
        assert_eq!(
            (settings.restart.max_restarts, settings.restart.min_uptime),
            (16, Duration::from_secs(1))
        );
    }

    #[test]
    fn numbers_may_be_text_and_nonsense_is_the_default() {
        let settings = read(json!({
            "kill_timeout": "50", "max_restarts": "3", "restart_delay": 1e300, "min_uptime": {}, "autorestart": "false",
            "stop_exit_codes": [0, "7", null],
        }));
        assert_eq!(settings.kill_timeout, Duration::from_millis(50));
        assert_eq!(
            (settings.restart.max_restarts, settings.restart.autorestart),
            (3, false)
        );
        assert_eq!(settings.restart.min_uptime, Duration::from_secs(1));
        assert_eq!(settings.restart.stop_exit_codes, [0, 7]);
        assert!(settings.restart.delay < Duration::from_secs(400 * 86_400));
    }
}
