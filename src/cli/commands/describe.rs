//! `describe`: everything about a process.

use std::{env, process::ExitCode};

use serde_json::Value;

use super::{CommandError, Context, Done};
use crate::cli::{
    listed::{self, Listed, text_of},
    output::{Output, Style},
    table::{Cell, Table},
    units,
};

#[derive(Debug, clap::Args)]
pub(crate) struct DescribeArgs {
    /// Name or id
    #[arg(required = true, num_args = 1.., value_name = "NAME|ID")]
    targets: Vec<String>,
}

pub(super) async fn cmd_describe(context: &Context, args: DescribeArgs) -> Done {
    context.connect().await?;
    // pm2 describes the first only.
    for target in args.targets {
        let found = context.verb("describe", [target.as_str().into()]).await?;
        let found = listed::read(found.as_deref()).map_err(CommandError::Answer)?;
        if found.is_empty() {
            return Err(CommandError::Unknown(target));
        }
        for process in &found {
            print(process, &context.out);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(process: &Listed, out: &Output) {
    let title = format!(
        " Describing process with id {} - name {} ",
        process.id(),
        process.name
    );
    out.lines(&out.paint(Style::BoldInverse, &title));
    out.lines(&attributes(process).render(out.color));
    print_actions(process, out);
    print_metrics(process, out);
    print_environment(process, out);
    let (id, name) = (process.id(), &process.name);
    out.lines("");
    for advice in [
        format!(" Use `rpm2 logs {name} [--lines 1000]` to display logs"),
        format!(" Use `rpm2 env {id}` to display environment variables"),
    ] {
        out.lines(&out.paint(Style::Italic, &advice));
    }
}

/// pm2's lines, in its order.
fn attributes(process: &Listed) -> Table {
    let or_none = |text: String| {
        if text.is_empty() {
            "N/A".to_owned()
        } else {
            text
        }
    };
    let text = |key: &str| or_none(process.text(key));
    let list = |key: &str| or_none(words(process.pm2_env.get(key)));
    let number = |key: &str| process.number(key).unwrap_or_default().to_string();
    let given = |key: &str| process.pm2_env.get(key).filter(|value| !is_empty(value));
    let mut table = Table::headless(2);
    let mut row =
        |label: &str, cell: Cell| table.push(vec![Cell::new(label, Style::BoldCyan), cell]);
    row("status", listed::status(process));
    row("name", Cell::plain(&process.name));
    row("namespace", Cell::plain(text("namespace")));
    row("version", Cell::plain(text("version")));
    row("restarts", Cell::plain(number("restart_time")));
    row("uptime", Cell::plain(process.uptime(listed::now())));
    row("script path", Cell::plain(text("pm_exec_path")));
    row("script args", Cell::plain(list("args")));
    row("error log path", Cell::plain(text("pm_err_log_path")));
    row("out log path", Cell::plain(text("pm_out_log_path")));
    if given("pm_log_path").is_some() {
        row("entire log path", Cell::plain(text("pm_log_path")));
    }
    row("pid path", Cell::plain(text("pm_pid_path")));
    row("interpreter", Cell::plain(text("exec_interpreter")));
    row("interpreter args", Cell::plain(list("node_args")));
    row("script id", Cell::plain(process.id()));
    row("exec cwd", Cell::plain(text("pm_cwd")));
    row("exec mode", Cell::plain(text("exec_mode")));
    row("node.js version", Cell::plain(text("node_version")));
    row("node env", Cell::plain(or_none(node_env(process))));
    row("watch & reload", watching(process));
    if given("cron_restart").is_some() {
        row("cron restart", Cell::plain(text("cron_restart")));
    }
    row(
        "unstable restarts",
        Cell::plain(number("unstable_restarts")),
    );
    if given("exit_code").is_some() {
        row("last exit code", Cell::plain(text("exit_code")));
    }
    let created = process.number("created_at");
    row(
        "created at",
        Cell::plain(created.map_or_else(|| "N/A".to_owned(), units::date)),
    );
    table
}

fn watching(process: &Listed) -> Cell {
    if process.is_watching() {
        Cell::new("✔", Style::BoldGreen)
    } else {
        Cell::plain("✘")
    }
}

fn node_env(process: &Listed) -> String {
    text_of(
        process
            .pm2_env
            .get("env")
            .and_then(|env| env.get("NODE_ENV")),
    )
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_str() == Some("")
}

fn words(value: Option<&Value>) -> String {
    match value {
        Some(Value::Array(words)) => words
            .iter()
            .map(|word| text_of(Some(word)))
            .collect::<Vec<_>>()
            .join(" "),
        other => text_of(other),
    }
}

/// What the app lets others trigger.
fn print_actions(process: &Listed, out: &Output) {
    let actions = process.pm2_env.get("axm_actions").and_then(Value::as_array);
    let names: Vec<String> = actions
        .into_iter()
        .flatten()
        .map(|action| text_of(action.get("action_name")))
        .collect();
    if names.is_empty() {
        return;
    }
    let mut table = Table::headless(1);
    for name in names {
        table.push(vec![Cell::plain(name)]);
    }
    title(out, " Actions available ");
    out.lines(&table.render(out.color));
    let advice = format!(
        " Trigger via: rpm2 trigger {} <action_name>\n",
        process.name
    );
    out.lines(&out.paint(Style::Italic, &advice));
}

/// What the app measures.
fn print_metrics(process: &Listed, out: &Output) {
    let Some(Value::Object(metrics)) = process.pm2_env.get("axm_monitor") else {
        return;
    };
    if metrics.is_empty() {
        return;
    }
    let mut table = Table::headless(2);
    for (name, metric) in metrics {
        let unit = text_of(metric.get("unit"));
        let value = text_of(metric.get("value"));
        table.push(vec![
            Cell::new(name, Style::BoldCyan),
            Cell::plain(format!("{value} {unit}").trim_end()),
        ]);
    }
    title(out, " Code metrics value ");
    out.lines(&table.render(out.color));
}

/// The app's variables that are others here.
fn print_environment(process: &Listed, out: &Output) {
    title(out, " Divergent env variables from local env ");
    let Some(Value::Object(variables)) = process.pm2_env.get("env") else {
        return;
    };
    let mut table = Table::headless(2);
    let mut rows = 0;
    for (name, value) in variables {
        let there = text_of(Some(value));
        if env::var(name).is_ok_and(|here| here != there) {
            table.push(vec![Cell::new(name, Style::BoldCyan), Cell::plain(there)]);
            rows += 1;
        }
    }
    if rows > 0 {
        out.lines(&table.render(out.color));
    }
}

fn title(out: &Output, text: &str) {
    out.lines(&out.paint(Style::BoldInverse, text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn attributes_come_in_pm2s_order() {
        let process: Listed = serde_json::from_value(json!({
            "pm_id": 0, "name": "web", "pid": 0, "pm2_env": {
                "status": "stopped", "namespace": "default", "args": ["a", "--b"], "cron_restart": "* * * * *",
                "created_at": 0, "env": {"NODE_ENV": "production"}, "watch": ["src"], "exit_code": 3
            }
        }))
        .unwrap();
        let text = attributes(&process).render(false);
        let rows: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with('│'))
            .map(|line| line.split('│').map(str::trim).collect::<Vec<_>>().join("|"))
            .collect();
        assert_eq!(
            rows,
            [
                "|status|stopped|",
                "|name|web|",
                "|namespace|default|",
                "|version|N/A|",
                "|restarts|0|",
                "|uptime|0|",
                "|script path|N/A|",
                "|script args|a --b|",
                "|error log path|N/A|",
                "|out log path|N/A|",
                "|pid path|N/A|",
                "|interpreter|N/A|",
                "|interpreter args|N/A|",
                "|script id|0|",
                "|exec cwd|N/A|",
                "|exec mode|N/A|",
                "|node.js version|N/A|",
                "|node env|production|",
                "|watch & reload|✔|",
                "|cron restart|* * * * *|",
                "|unstable restarts|0|",
                "|last exit code|3|",
                "|created at|1970-01-01T00:00:00.000Z|"
            ]
        );
    }
}
