//! The attributes of a declaration: one table from which checking, command options and documentation are derived.

/// A JSON type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A map.
    Map,
}

impl Kind {
    /// The type's name in pm2's messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "[object String]",
            Self::Number => "[object Number]",
            Self::Boolean => "[object Boolean]",
            Self::List => "[object Array]",
            Self::Map => "[object Object]",
        }
    }
}

/// What a value must look like beyond its type, and what it is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any value of the type.
    Any,
    /// `fork` or `cluster`; becomes `fork_mode` or `cluster_mode`.
    Mode,
    /// A number of processes; text that is no number is 0, which stands for one per core.
    Count,
    /// Milliseconds or text with a unit (`5s`, `2m`, `1h`); becomes milliseconds.
    Duration,
    /// Bytes or text with a unit (`512K`, `200M`, `1G`); becomes bytes.
    Size,
    /// A cron pattern.
    Cron,
    /// Words; text is split like a command line.
    Words,
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

/// One attribute.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name in declarations and in `pm2_env`.
    pub name: &'static str,
    /// Other names; the camelCase form of `name` is one without being listed.
    pub aliases: &'static [&'static str],
    /// Types it may have, in the order in which messages name them.
    pub kinds: &'static [Kind],
    /// What else is asked of it.
    pub form: Form,
    /// Smallest number.
    pub least: Option<i64>,
    /// The default, as documentation writes it; empty for none.
    pub default: &'static str,
    /// One sentence for help and documentation.
    pub doc: &'static str,
}

impl Attribute {
    /// The name as JavaScript writes it: `max_restarts` is `maxRestarts`.
    pub fn camel_case(&self) -> String {
        camel_case(self.name)
    }

    /// The name as the command line writes it: `max_restarts` is `max-restarts`.
    pub fn kebab_case(&self) -> String {
        self.name.replace('_', "-")
    }
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut text, part| {
        let mut letters = part.chars();
        text.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

/// The attribute called `name`; aliases are not looked at.
pub fn find(name: &str) -> Option<&'static Attribute> {
    ATTRIBUTES.iter().find(|attribute| attribute.name == name)
}

const fn attribute(
    name: &'static str,
    aliases: &'static [&'static str],
    kinds: &'static [Kind],
    default: &'static str,
    doc: &'static str,
) -> Attribute {
    Attribute {
        name,
        aliases,
        kinds,
        form: Form::Any,
        least: None,
        default,
        doc,
    }
}

const fn formed(form: Form, attribute: Attribute) -> Attribute {
    Attribute { form, ..attribute }
}

const fn at_least(least: i64, attribute: Attribute) -> Attribute {
    Attribute {
        least: Some(least),
        ..attribute
    }
}

use Kind::{Boolean, List, Map, Number, Text};

/// The values of `load_balancing`, the default first.
pub const LOAD_BALANCING: &[&str] = &["round-robin", "least-connections", "kernel"];

/// Every attribute, in the order in which errors are reported.
#[rustfmt::skip]
pub static ATTRIBUTES: &[Attribute] = &[
    attribute("script", &["exec", "cmd", "command"], &[Text], "", "File or program to run; text with a space is a shell command."),
    attribute("name", &[], &[Text], "script name", "Name of the app."),
    attribute("name_prefix", &[], &[Text], "", "Text before the name."),
    attribute("filter_env", &[], &[Boolean, List, Text], "", "Variables of the caller that the app must not see; a list names parts of their names."),
    attribute("namespace", &[], &[Text], "default", "Group that the app belongs to."),
    attribute("install_url", &[], &[Text], "", "Where the app was installed from."),
    attribute("cwd", &[], &[Text], "current folder", "Folder to run in; relative paths start here."),
    formed(Form::Words, attribute("args", &[], &[List, Text], "", "Arguments of the script.")),
    attribute("exec_interpreter", &["interpreter"], &[Text], "by extension", "Program that runs the script; `none` runs the script itself."),
    formed(Form::Words, attribute("node_args", &["interpreterArgs", "interpreter_args"], &[List, Text], "", "Arguments of the interpreter.")),
    attribute("out_file", &["out", "output", "out_log"], &[Text], "logs/<name>-out-<id>.log", "File for standard output; `/dev/null` or `NULL` for none."),
    attribute("error_file", &["error", "err", "err_file", "err_log"], &[Text], "logs/<name>-error-<id>.log", "File for standard error; `/dev/null` or `NULL` for none."),
    attribute("log_file", &["log"], &[Boolean, Text], "", "File for standard output and error together; `true` for logs/<name>.log."),
    attribute("disable_logs", &[], &[Boolean], "false", "Writes no log files."),
    attribute("log_type", &[], &[Text], "", "`json` writes each line of output as JSON."),
    attribute("log_date_format", &[], &[Text], "", "Date before each line, such as `YYYY-MM-DD HH:mm Z`."),
    attribute("time", &[], &[Boolean], "false", "Puts the date before each line of the logs."),
    attribute("env", &[], &[Map, Text], "", "Environment variables of the app."),
    formed(Form::Size, attribute("max_memory_restart", &[], &[Text, Number], "", "Reloads the app when it uses more memory than this: bytes, or `512K`, `200M`, `1G`.")),
    attribute("pid_file", &["pid"], &[Text], "pids/<name>-<id>.pid", "File for the process id."),
    attribute("restart_delay", &[], &[Number], "0", "Milliseconds to wait before a crashed app is restarted."),
    attribute("exp_backoff_restart_delay", &[], &[Number], "", "First wait in milliseconds before a crashed app is restarted; grows up to 15 s."),
    attribute("source_map_support", &[], &[Boolean], "false", "Accepted; stack traces of Node apps follow source maps anyway."),
    attribute("disable_source_map_support", &[], &[Boolean], "false", "Leaves stack traces without source maps."),
    attribute("wait_ready", &[], &[Boolean], "false", "Waits for `process.send('ready')` before the app counts as online."),
    formed(Form::Count, attribute("instances", &[], &[Number], "1", "Number of processes; `max` or 0 for one per core, negative for cores less that many.")),
    attribute("kill_timeout", &[], &[Number], "1600", "Milliseconds between the stop signal and SIGKILL."),
    attribute("shutdown_with_message", &[], &[Boolean], "false", "Stops with the message `shutdown` instead of a signal."),
    attribute("drain_timeout", &[], &[Number], "7000", "Milliseconds that a replaced cluster worker has for the connections it serves."),
    attribute("listen_timeout", &[], &[Number], "3000", "Milliseconds to wait for the app to listen or be ready."),
    formed(Form::Cron, attribute("cron_restart", &["cron"], &[Text, Number], "", "Restarts at these times: a cron pattern of five or six fields; 0 for never.")),
    attribute("merge_logs", &["combine_logs"], &[Boolean], "true for a single fork", "One log for all processes of the app, without the id in its name."),
    attribute("vizion", &[], &[Boolean], "true", "Accepted; version control is read only on request."),
    attribute("autostart", &[], &[Boolean], "true", "Starts the app at once; else it is only listed."),
    attribute("autorestart", &[], &[Boolean], "true", "Restarts the app when it exits."),
    attribute("stop_exit_codes", &[], &[List, Number], "", "Exit codes after which the app is not restarted."),
    attribute("watch_delay", &[], &[Number], "", "Milliseconds between a change and the restart."),
    attribute("watch", &[], &[Boolean, List, Text], "false", "Restarts when files change; `true` watches the app's folder."),
    formed(Form::Words, attribute("ignore_watch", &[], &[List, Text], "dot files, node_modules", "Paths whose changes are ignored.")),
    attribute("watch_options", &[], &[Map], "", "Further options of watching."),
    at_least(100, formed(Form::Duration, attribute("min_uptime", &[], &[Number, Text], "1000", "Time an app must run to count as started: milliseconds, or `5s`, `2m`, `1h`."))),
    at_least(0, attribute("max_restarts", &[], &[Number], "16", "Unstable restarts in a row after which the app is given up.")),
    formed(Form::Mode, attribute("exec_mode", &[], &[Text], "fork, or cluster with instances", "`fork` or `cluster`.")),
    formed(Form::OneOf(LOAD_BALANCING), attribute("load_balancing", &[], &[Text], "round-robin", "How connections reach the processes of a cluster app: `round-robin`, `least-connections` or `kernel`.")),
    attribute("force", &[], &[Boolean], "false", "Starts the script even if it runs already."),
    attribute("append_env_to_name", &[], &[Boolean], "false", "Appends the name given with --env to the app's name."),
    attribute("post_update", &[], &[List], "", "Commands to run after an update from version control."),
    attribute("trace", &[], &[Boolean], "false", "Accepted; does nothing."),
    attribute("deep_monitoring", &[], &[Boolean], "false", "Accepted."),
    attribute("increment_var", &[], &[Text], "", "Variable that is one higher in each process."),
    attribute("instance_var", &[], &[Text], "NODE_APP_INSTANCE", "Variable that holds the number of the process within its app."),
    attribute("pmx", &[], &[Boolean, Text], "true", "Loads the agent into Node apps."),
    attribute("automation", &[], &[Boolean], "true", "`false` also switches `pmx` off."),
    attribute("treekill", &[], &[Boolean], "true", "Stops the app's own children too."),
    attribute("port", &[], &[Number], "", "Sets the variable PORT."),
    attribute("uid", &["user"], &[Number, Text], "", "User to run as; root only."),
    attribute("gid", &[], &[Number, Text], "the user's", "Group to run as; root only."),
    attribute("windowsHide", &[], &[Boolean], "true", "Accepted."),
    attribute("kill_retry_time", &[], &[Number], "100", "Accepted; exits are noticed at once."),
    attribute("write", &[], &[Boolean], "false", "Accepted."),
    attribute("io", &[], &[Map], "", "Settings of the agent."),
    attribute("execute_command", &[], &[Boolean], "false", "Accepted."),
    attribute("username", &[], &[Text], "", "Accepted; the caller's user name is what counts."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_taken_twice() {
        let mut seen = HashSet::new();
        for attribute in ATTRIBUTES {
            assert!(
                !attribute.kinds.is_empty() && attribute.doc.ends_with('.'),
                "{}",
                attribute.name
            );
            for name in std::iter::once(&attribute.name).chain(attribute.aliases) {
                assert!(seen.insert((*name).to_owned()), "{name}");
            }
            let camel = attribute.camel_case();
            assert!(
                camel == attribute.name || seen.insert(camel.clone()),
                "{camel}"
            );
        }
    }

    #[test]
    fn names_have_three_spellings() {
        let attribute = find("exp_backoff_restart_delay").unwrap();
        assert_eq!(attribute.camel_case(), "expBackoffRestartDelay");
        assert_eq!(attribute.kebab_case(), "exp-backoff-restart-delay");
        assert!(find("expBackoffRestartDelay").is_none());
    }
}
