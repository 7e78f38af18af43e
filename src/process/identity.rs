//! What events say of the process that they come from: made when it changes, not for every event.

use std::sync::Arc;

use serde_json::{Value, json};

use super::record::Pm2Env;
use crate::app::launch::Mode;

/// Of one process.
pub(super) struct Identity {
    /// Its name; empty if it has none.
    pub name: Box<str>,
    /// The name as JSON.
    pub name_json: Box<str>,
    pub mode: Mode,
    /// The `process` member of its events, as JSON.
    pub full: Arc<str>,
    /// The same of a message without type and data.
    pub raw: Arc<str>,
}

impl Identity {
    /// Whether it is made of this attribute, among others.
    pub(super) fn is_of(key: &str) -> bool {
        ["name", "namespace", "versioning", "exec_mode"].contains(&key)
    }

    pub(super) fn of(pm_id: u32, env: &Pm2Env) -> Self {
        let of = |key: &str| env.get(key).cloned().unwrap_or_default();
        let mode = Mode::of(env);
        let versioning = env.get("versioning");
        let raw = json!({ "pm_id": pm_id, "name": of("name"), "namespace": of("namespace") });
        let full = if mode == Mode::Cluster {
            let revision = versioning.and_then(|versioning| versioning.get("revision"));
            json!({ "pm_id": pm_id, "name": of("name"), "rev": revision, "namespace": of("namespace") })
        } else {
            let mut full = raw.clone();
            if let Some(versioning) = versioning {
                full["versioning"] = versioning.clone();
            }
            full
        };
        Self {
            name: of("name").as_str().unwrap_or_default().into(),
            name_json: Value::from(of("name").as_str().unwrap_or_default())
                .to_string()
                .into(),
            mode,
            full: full.to_string().into(),
            raw: raw.to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_differ_by_mode_as_in_pm2() {
        let mut env = Pm2Env::new();
        for (key, value) in [
            ("name", json!("a")),
            ("namespace", json!("n")),
            ("versioning", json!({ "revision": "r" })),
        ] {
            env.insert(key.to_owned(), value);
        }
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let raw = json!({ "pm_id": 4, "name": "a", "namespace": "n" });
        let fork = Identity::of(4, &env);
        assert_eq!(read(&fork.raw), raw);
        let mut full = raw.clone();
        full["versioning"] = json!({ "revision": "r" });
        assert_eq!(read(&fork.full), full);
        env.insert("exec_mode".to_owned(), json!("cluster_mode"));
        let cluster = Identity::of(4, &env);
        assert_eq!(read(&cluster.raw), raw);
        let full = json!({ "pm_id": 4, "name": "a", "rev": "r", "namespace": "n" });
        assert_eq!(read(&cluster.full), full);
        assert_eq!(
            read(&Identity::of(4, &Pm2Env::new()).raw),
            json!({ "pm_id": 4, "name": null, "namespace": null })
        );
    }
}
