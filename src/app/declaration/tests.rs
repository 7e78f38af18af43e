use super::*;
use serde_json::json;

fn attributes(raw: &Value) -> Result<Value, String> {
    let mut raw = raw.as_object().unwrap().clone();
    raw.entry("script").or_insert("app.js".into());
    let normalised = normalise(&raw).map_err(|errors| errors.to_string())?;
    let mut attributes = normalised.declaration.attributes;
    attributes.remove("script");
    Ok(Value::Object(attributes))
}

#[test]
fn names_are_resolved_and_the_canonical_one_wins() {
    let cases = [
        (
            json!({"maxRestarts": 3, "max_restarts": 4}),
            json!({"max_restarts": 4}),
        ),
        (
            json!({"interpreter": "bash"}),
            json!({"exec_interpreter": "bash"}),
        ),
        (
            json!({"interpreterArgs": "--x --y"}),
            json!({"node_args": ["--x", "--y"]}),
        ),
        (json!({"nodeArgs": "--x"}), json!({"node_args": ["--x"]})),
        (
            json!({"output": "o", "err": "e", "log": "l", "pid": "p"}),
            json!({"out_file": "o", "error_file": "e", "log_file": "l", "pid_file": "p"}),
        ),
        (
            json!({"cron": "* * * * *"}),
            json!({"cron_restart": "* * * * *"}),
        ),
        (
            json!({"loadBalancing": "least-connections"}),
            json!({"load_balancing": "least-connections"}),
        ),
        (json!({"user": "daemon"}), json!({"uid": "daemon"})),
        (json!({"combine_logs": false}), json!({"merge_logs": false})),
    ];
    for (raw, canonical) in cases {
        assert_eq!(attributes(&raw), Ok(canonical), "{raw}");
    }
    for alias in ["exec", "cmd", "command"] {
        let raw = json!({alias: "x.js"});
        let declaration = normalise(raw.as_object().unwrap()).unwrap().declaration;
        assert_eq!(declaration.text("script"), Some("x.js"), "{alias}");
    }
}

#[test]
fn values_become_what_the_daemon_reads() {
    let cases = [
        ("max_restarts", json!("5"), json!(5)),
        ("restart_delay", json!("1.5"), json!(1.5)),
        ("max_memory_restart", json!("200M"), json!(209_715_200)),
        ("max_memory_restart", json!("1G"), json!(1_073_741_824)),
        ("max_memory_restart", json!("512K"), json!(524_288)),
        ("max_memory_restart", json!("5"), json!(5)),
        ("min_uptime", json!("5s"), json!(5000)),
        ("min_uptime", json!("2m"), json!(120_000)),
        ("min_uptime", json!("1h"), json!(3_600_000)),
        ("min_uptime", json!(100), json!(100)),
        ("instances", json!("max"), json!(0)),
        ("instances", json!("2"), json!(2)),
        ("instances", json!("5s"), json!(5)),
        ("instances", json!(""), json!(0)),
        ("instances", json!(-1), json!(-1)),
        ("exec_mode", json!("cluster"), json!("cluster_mode")),
        ("exec_mode", json!("fork_mode"), json!("fork_mode")),
        ("load_balancing", json!("kernel"), json!("kernel")),
        ("args", json!("a 'b c'"), json!(["a", "b c"])),
        ("args", json!(["a", 1]), json!(["a", 1])),
        ("ignore_watch", json!("a b"), json!(["a", "b"])),
        ("stop_exit_codes", json!([1, 2]), json!([1, 2])),
        ("stop_exit_codes", json!("5"), json!(5)),
        ("cron_restart", json!("0"), json!(0)),
        ("log_file", json!(true), json!(true)),
        ("uid", json!("5"), json!(5)),
        ("env_prod", json!("x"), json!("x")),
        ("name", json!("5"), json!("5")),
        ("merge_logs", json!(false), json!(false)),
        ("autorestart", json!(false), json!(false)),
    ];
    for (name, value, becomes) in cases {
        assert_eq!(
            attributes(&json!({name: value})),
            Ok(json!({name: becomes})),
            "{name}: {value}"
        );
    }
}

#[test]
fn falsy_values_of_names_with_an_underscore_are_absent() {
    for name in [
        "max_restarts",
        "min_uptime",
        "out_file",
        "kill_timeout",
        "wait_ready",
        "cron_restart",
    ] {
        for falsy in [json!(0), json!(false), json!(""), json!(null)] {
            assert_eq!(
                attributes(&json!({name: falsy})),
                Ok(json!({})),
                "{name}: {falsy}"
            );
        }
    }
    assert_eq!(
        attributes(&json!({"maxRestarts": 0})),
        Ok(json!({"max_restarts": 0}))
    );
    assert_eq!(
        attributes(&json!({"name": 0, "env": false, "namespace": "", "port": ""})),
        Ok(json!({}))
    );
}

/// A text of pm2 7.0.4 for each kind of mistake.
#[test]
fn mistakes_are_told_in_pm2s_words() {
    const MODE: &str = "Verify \"exec_mode\" with regex failed, it should be \"cluster\"(\"cluster_mode\") or \"fork\"(\"fork_mode\") only";
    const UPTIME: &str = "Verify \"min_uptime\" with regex failed, it should be a NUMBER - milliseconds, \"[NUMBER]h\"(hours), \"[NUMBER]m\"(minutes) or \"[NUMBER]s\"(seconds)";
    const MEMORY: &str = "Verify \"max_memory_restart\" with regex failed, it should be a NUMBER - byte, \"[NUMBER]G\"(Gigabyte), \"[NUMBER]M\"(Megabyte) or \"[NUMBER]K\"(Kilobyte)";
    let cases = [
        (
            json!({"max_restarts": "x"}),
            "Expect \"max_restarts\" to be a typeof [object Number], but now is [object String]",
        ),
        (
            json!({"maxRestarts": false}),
            "Expect \"max_restarts\" to be a typeof [object Number], but now is [object Boolean]",
        ),
        (
            json!({"max_restarts": -1}),
            "The minimum of \"max_restarts\" is 0, but now is -1",
        ),
        (
            json!({"min_uptime": 5}),
            "The minimum of \"min_uptime\" is 100, but now is 5",
        ),
        (
            json!({"min_uptime": "1.5"}),
            "The minimum of \"min_uptime\" is 100, but now is 1.5",
        ),
        (json!({"min_uptime": "1.5s"}), UPTIME),
        (json!({"min_uptime": "1d"}), UPTIME),
        (json!({"max_memory_restart": "100MB"}), MEMORY),
        (json!({"max_memory_restart": "1 M"}), MEMORY),
        (json!({"max_memory_restart": "5k"}), MEMORY),
        (json!({"exec_mode": "x"}), MODE),
        (
            json!({"load_balancing": "kernal"}),
            "Verify \"load_balancing\" with regex failed, it should be \"round-robin\", \"least-connections\" or \"kernel\", but now is \"kernal\", did you mean \"kernel\"?",
        ),
        (
            json!({"loadBalancing": "random"}),
            "Verify \"load_balancing\" with regex failed, it should be \"round-robin\", \"least-connections\" or \"kernel\", but now is \"random\"",
        ),
        (
            json!({"load_balancing": 2}),
            "Expect \"load_balancing\" to be a typeof [object String], but now is [object Number]",
        ),
        (
            json!({"instances": true}),
            "Expect \"instances\" to be a typeof [object Number], but now is [object Boolean]",
        ),
        (
            json!({"args": 5}),
            "Expect \"args\" to be a typeof [object Array] / [object String], but now is [object Number]",
        ),
        (
            json!({"watch": {}}),
            "Expect \"watch\" to be a typeof [object Boolean] / [object Array] / [object String], but now is [object Object]",
        ),
        (
            json!({"log_file": 5}),
            "Expect \"log_file\" to be a typeof [object Boolean] / [object String], but now is [object Number]",
        ),
        (
            json!({"merge_logs": "true"}),
            "Expect \"merge_logs\" to be a typeof [object Boolean], but now is [object String]",
        ),
        (
            json!({"env": 5}),
            "Expect \"env\" to be a typeof [object Object] / [object String], but now is [object Number]",
        ),
        (
            json!({"env_prod": 5}),
            "Expect \"env_prod\" to be a typeof [object Object] / [object String], but now is [object Number]",
        ),
        (
            json!({"cron_restart": "x", "name": 5}),
            "Cron pattern error: CronPattern: invalid configuration format ('x'), exacly five or six space separated parts required.",
        ),
        (
            json!({"cron_restart": 5}),
            "Cron pattern error: CronPattern: Pattern has to be of type string.",
        ),
        (
            json!({"script": 5}),
            "Expect \"script\" to be a typeof [object String], but now is [object Number]",
        ),
    ];
    for (raw, text) in cases {
        assert_eq!(attributes(&raw), Err(text.to_owned()), "{raw}");
    }
}

#[test]
fn several_mistakes_are_told_in_the_order_of_the_table() {
    assert_eq!(
        attributes(&json!({"max_restarts": "q", "min_uptime": 1, "env": 5})).unwrap_err(),
        "Expect \"env\" to be a typeof [object Object] / [object String], but now is [object Number],\
         The minimum of \"min_uptime\" is 100, but now is 1,\
         Expect \"max_restarts\" to be a typeof [object Number], but now is [object String]"
    );
}

/// Each attribute refuses every type it does not list and takes one that it does.
#[test]
fn every_attribute_checks_its_type() {
    let samples = [
        json!("0 0 1 1 *"),
        json!(500),
        json!(true),
        json!(["a"]),
        json!({"a": 1}),
    ];
    for attribute in ATTRIBUTES {
        for sample in &samples {
            let found = super::super::value::type_name(sample);
            let takes = attribute.kinds.iter().any(|kind| kind.name() == found)
                && !(attribute.name == "env" && sample.is_string());
            let outcome = check::attribute(attribute, sample);
            match outcome {
                Err(DeclarationError::Type { name, .. }) => {
                    assert!(!takes, "{name} refuses {sample}");
                    assert_eq!(name, attribute.name);
                }
                Err(DeclarationError::Cron(_)) => assert!(sample.as_str().is_none()),
                Err(DeclarationError::Form { .. } | DeclarationError::Choice { .. }) => {
                    assert!(sample.is_string());
                }
                Err(DeclarationError::Minimum { .. }) => panic!("{sample} is large enough"),
                Ok(_) => assert!(
                    takes || attribute.form == Form::Count,
                    "{} takes {sample}",
                    attribute.name
                ),
            }
        }
    }
}

#[test]
fn unknown_attributes_are_dropped_with_a_hint() {
    let raw =
        json!({"script": "a.js", "max_restart": 3, "bogus": 1, "env_x": {}, "updateEnv": true});
    let normalised = normalise(raw.as_object().unwrap()).unwrap();
    assert!(normalised.declaration.get("max_restart").is_none());
    let texts: Vec<String> = normalised
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        texts,
        [
            "Unknown attribute \"max_restart\" is ignored, did you mean \"max_restarts\"?",
            "Unknown attribute \"bogus\" is ignored"
        ]
    );
}

/// What pm2 7.0.4 was seen to say to a value of an attribute; nothing, if it took it.
#[derive(serde::Deserialize)]
struct Observation {
    name: String,
    value: Value,
    error: Option<String>,
}

#[test]
fn values_are_taken_and_refused_as_pm2_was_seen_to() {
    let text = include_str!("../../../tests/fixtures/checks.json");
    let observations: Vec<Observation> = serde_json::from_str(text).unwrap();
    assert!(observations.len() > 1000);
    let different: Vec<String> = observations
        .iter()
        .map(|seen| (seen, attributes(&json!({&seen.name: seen.value})).err()))
        .filter(|(seen, ours)| *ours != seen.error)
        .map(|(seen, ours)| {
            format!(
                "{}: {}: ours {ours:?}, theirs {:?}",
                seen.name, seen.value, seen.error
            )
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}
