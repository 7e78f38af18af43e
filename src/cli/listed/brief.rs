//! Reading only what lists show: most of an answer is the apps' environment, of which they show nothing.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use super::{Listed, Monit};

/// The attributes that lists show.
const SHOWN: [&str; 14] = [
    "exec_mode",
    "namespace",
    "pm_err_log_path",
    "pm_id",
    "pm_pid_path",
    "pm_uptime",
    "pmx_module",
    "restart_time",
    "status",
    "uid",
    "unstable_restarts",
    "username",
    "version",
    "watch",
];

/// A [`Listed`] with no other attributes than those.
#[derive(Deserialize)]
struct Brief {
    pm_id: Value,
    #[serde(default)]
    name: String,
    #[serde(default)]
    pid: i64,
    #[serde(default)]
    pm2_env: Shown,
    #[serde(default)]
    monit: Monit,
}

#[derive(Default)]
struct Shown(Map<String, Value>);

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ShownVisitor)
    }
}

struct ShownVisitor;

impl<'de> Visitor<'de> for ShownVisitor {
    type Value = Shown;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Shown, A::Error> {
        let mut shown = Map::new();
        while let Some(key) = members.next_key::<&RawValue>()? {
            // Names of attributes have no escapes.
            let name = key.get().trim_matches('"');
            if SHOWN.contains(&name) {
                let value: &RawValue = members.next_value()?;
                let value = serde_json::from_str(value.get()).map_err(A::Error::custom)?;
                shown.insert(name.to_owned(), value);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Shown(shown))
    }
}

/// Reads the daemon's answer for a list.
pub(in crate::cli) fn read(raw: Option<&RawValue>) -> serde_json::Result<Vec<Listed>> {
    let listed: Vec<Brief> = serde_json::from_str(raw.map_or("[]", RawValue::get))?;
    let whole = |brief: Brief| Listed {
        pm_id: brief.pm_id,
        name: brief.name,
        pid: brief.pid,
        pm2_env: brief.pm2_env.0,
        monit: brief.monit,
    };
    Ok(listed.into_iter().map(whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_looks_the_same_read_briefly_and_whole() {
        let process = json!({
            "pm_id": 3, "name": "a\"b", "pid": 7, "monit": { "memory": 5, "cpu": 0.5 },
            "pm2_env": {
                "status": "online", "env": { "status": "no" }, "exec_mode": "fork_mode", "odd\"key": [1], "watch": ["x"],
                "namespace": "n", "version": "1.0.0", "username": "u", "restart_time": 2, "pm_uptime": 1000,
                "pm_pid_path": "/p", "pm_err_log_path": "/l", "pmx_module": true, "uid": 5, "unstable_restarts": 1,
            },
        });
        let raw =
            serde_json::value::to_raw_value(&json!([process, { "pm_id": "_old_1" }])).unwrap();
        let out = crate::cli::output::Output::new(&crate::cli::output::Settings::default());
        let whole = super::super::read(Some(&raw)).unwrap();
        let brief = read(Some(&raw)).unwrap();
        assert!(brief[0].pm2_env.get("env").is_none());
        for mini_list in [false, true] {
            let mut out = out.clone();
            out.mini_list = mini_list;
            let shown = super::super::render(brief.clone(), &out);
            assert_eq!(shown, super::super::render(whole.clone(), &out));
        }
        assert!(read(None).unwrap().is_empty());
    }
}
