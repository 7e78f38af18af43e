//! The attributes of an app as options: `max_restarts` is `--max-restarts`. They come from the table of attributes.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde_json::{Map, Value};

use crate::app::schema::{ATTRIBUTES, Attribute, Form, Kind};

/// What the command line says about an app: camelCase names, as the verb `start` reads them.
#[derive(Debug, Clone, Default)]
pub(super) struct AppOptions {
    /// The attributes given.
    pub(super) given: Map<String, Value>,
}

/// How an attribute is given on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `--flag`, `--flag=false`, `--no-flag`.
    Flag,
    /// `--option <value>`.
    Value,
    /// `--option [value]`; without a value it is `true`.
    Optional,
    /// `--option <value>...`.
    List,
}

fn style(attribute: &Attribute) -> Option<Style> {
    use Kind::{Boolean, List, Number, Text};
    match attribute.name {
        // The script is the argument; `--env` names one of a file's environments.
        "script" | "env" => None,
        "pmx" => Some(Style::Flag),
        "max_restarts" => Some(Style::Value),
        _ => match attribute.kinds {
            [Boolean] => Some(Style::Flag),
            [Boolean, ..] => Some(Style::Optional),
            [List, Number] => Some(Style::List),
            kinds if kinds.contains(&Text) || kinds.contains(&Number) => Some(Style::Value),
            _ => None,
        },
    }
}

/// pm2's one-letter forms.
fn short(name: &str) -> Option<char> {
    Some(match name {
        "name" => 'n',
        "instances" => 'i',
        "write" => 'w',
        "force" => 'f',
        "out_file" => 'o',
        "error_file" => 'e',
        "log_file" => 'l',
        "pid_file" => 'p',
        "kill_timeout" => 'k',
        "execute_command" => 'x',
        "cron_restart" => 'c',
        "uid" => 'u',
        _ => return None,
    })
}

fn option(attribute: &'static Attribute, style: Style) -> Arg {
    let long = attribute.kebab_case();
    let aliases = attribute.aliases.iter();
    let aliases = aliases
        .map(|alias| kebab_case(alias))
        .filter(|alias| *alias != long);
    let mut arg = Arg::new(attribute.name)
        .long(long.clone())
        .visible_aliases(aliases.collect::<Vec<_>>())
        .help(help(attribute))
        .help_heading("Options of apps");
    if let Some(short) = short(attribute.name) {
        arg = arg.short(short);
    }
    match style {
        Style::Flag => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(clap::value_parser!(bool))
            .hide_possible_values(true)
            .value_name("BOOL"),
        Style::Optional => arg
            .num_args(0..=1)
            .default_missing_value("")
            .value_name("VALUE"),
        Style::List => arg
            .num_args(1..)
            .value_delimiter(',')
            .action(ArgAction::Append)
            .value_name("VALUE"),
        Style::Value => {
            let value = arg.value_name("VALUE");
            match attribute.form {
                // These may begin with a dash.
                Form::Words | Form::Count => value.allow_hyphen_values(true),
                _ => value,
            }
        }
    }
}

fn help(attribute: &Attribute) -> String {
    let doc = attribute.doc.trim_end_matches('.');
    if attribute.default.is_empty() {
        doc.to_owned()
    } else {
        format!("{doc} [default: {}]", attribute.default)
    }
}

fn kebab_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        match c {
            '_' => text.push('-'),
            c if c.is_ascii_uppercase() => text.extend(['-', c.to_ascii_lowercase()]),
            c => text.push(c),
        }
    }
    text
}

/// `--no-autorestart` and its like: for what is on unless switched off.
fn negation(attribute: &'static Attribute) -> Arg {
    Arg::new(negated(attribute))
        .long(format!("no-{}", attribute.kebab_case()))
        .help(format!("Switches --{} off", attribute.kebab_case()))
        .help_heading("Options of apps")
        .action(ArgAction::SetTrue)
        .overrides_with(attribute.name)
}

fn negated(attribute: &Attribute) -> String {
    format!("no_{}", attribute.name)
}

fn options() -> impl Iterator<Item = (&'static Attribute, Style)> {
    ATTRIBUTES
        .iter()
        .filter_map(|attribute| Some((attribute, style(attribute)?)))
}

impl Args for AppOptions {
    fn augment_args(mut command: Command) -> Command {
        for (attribute, style) in options() {
            command = command.arg(option(attribute, style));
            if style == Style::Flag && attribute.default.starts_with("true") {
                command = command.arg(negation(attribute));
            }
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for AppOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Map::new();
        for (attribute, style) in options() {
            if let Some(value) = value(matches, attribute, style) {
                given.insert(key(attribute), value);
            }
        }
        Ok(Self { given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The name that `start` reads the attribute by.
fn key(attribute: &Attribute) -> String {
    match attribute.name {
        "args" => "scriptArgs".to_owned(),
        _ => attribute.camel_case(),
    }
}

fn value(matches: &ArgMatches, attribute: &Attribute, style: Style) -> Option<Value> {
    let text = || matches.get_one::<String>(attribute.name);
    match style {
        Style::Flag => {
            let off =
                attribute.default.starts_with("true") && matches.get_flag(&negated(attribute));
            let on = matches.get_one::<bool>(attribute.name).copied();
            if off {
                Some(false.into())
            } else {
                on.map(Value::Bool)
            }
        }
        Style::Value => text().map(|text| text.as_str().into()),
        Style::Optional => text().map(|text| match text.as_str() {
            "" | "true" => true.into(),
            "false" => false.into(),
            text if attribute.name == "watch" || attribute.name == "filter_env" => {
                Value::Array(vec![text.into()])
            }
            text => text.into(),
        }),
        Style::List => {
            let values = matches.get_many::<String>(attribute.name)?;
            Some(values.map(|text| number_or_text(text)).collect())
        }
    }
}

fn number_or_text(text: &str) -> Value {
    text.parse::<i64>()
        .map_or_else(|_| text.into(), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn command() -> Command {
        AppOptions::augment_args(Command::new("start").no_binary_name(true)).arg(Arg::new("script"))
    }

    fn parse(line: &[&str]) -> Value {
        let matches = command().try_get_matches_from(line).unwrap();
        Value::Object(AppOptions::from_arg_matches(&matches).unwrap().given)
    }

    #[test]
    fn every_option_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn attributes_are_options_with_pm2s_short_forms() {
        assert_eq!(
            parse(&[
                "a.js",
                "-n",
                "web",
                "-i",
                "-1",
                "--max-restarts",
                "3",
                "-o",
                "/o",
                "--err-log",
                "/e",
                "-l",
                "-u",
                "nobody",
                "--interpreter",
                "bash",
                "--node-args",
                "--harmony -x",
                "-c",
                "0 0 * * *",
                "-k",
                "100",
                "-f"
            ]),
            json!({
                "name": "web", "execInterpreter": "bash", "nodeArgs": "--harmony -x", "outFile": "/o", "errorFile": "/e",
                "logFile": true, "instances": "-1", "killTimeout": "100", "cronRestart": "0 0 * * *",
                "maxRestarts": "3", "force": true, "uid": "nobody"
            })
        );
    }

    #[test]
    fn flags_can_be_switched_off() {
        assert_eq!(
            parse(&[
                "--no-autorestart",
                "--wait-ready",
                "--time=false",
                "--no-merge-logs",
                "--no-treekill"
            ]),
            json!({"autorestart": false, "waitReady": true, "time": false, "mergeLogs": false, "treekill": false})
        );
    }

    #[test]
    fn watching_takes_paths_or_none() {
        assert_eq!(parse(&["a.js", "--watch"]), json!({"watch": true}));
        assert_eq!(
            parse(&["a.js", "--watch", "src"]),
            json!({"watch": ["src"]})
        );
        assert_eq!(
            parse(&["--stop-exit-codes", "0,1", "2"]),
            json!({"stopExitCodes": [0, 1, 2]})
        );
    }
}
