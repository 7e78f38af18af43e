//! The daemon's processes as lists show them.

mod brief;

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use super::{
    output::{Output, Style},
    table::{Cell, Table, Width},
    units,
};
use crate::sys::terminal;

pub(super) use self::brief::read as read_briefly;

/// One process of `getMonitorData`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    pub(super) pm_id: Value,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) pid: i64,
    #[serde(default)]
    pub(super) pm2_env: Map<String, Value>,
    #[serde(default)]
    pub(super) monit: Monit,
}

/// What a process uses.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Monit {
    /// Bytes.
    pub(super) memory: f64,
    /// Percent.
    pub(super) cpu: f64,
}

impl Listed {
    /// An attribute as text; empty when it is missing or no scalar.
    pub(super) fn text(&self, key: &str) -> String {
        text_of(self.pm2_env.get(key))
    }

    /// A whole number among the attributes.
    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.pm2_env.get(key).and_then(Value::as_i64)
    }

    /// Its number as text.
    pub(super) fn id(&self) -> String {
        text_of(Some(&self.pm_id))
    }

    /// `fork` or `cluster`.
    pub(super) fn mode(&self) -> String {
        self.text("exec_mode").trim_end_matches("_mode").to_owned()
    }

    /// pm2's status.
    pub(super) fn status(&self) -> String {
        self.text("status")
    }

    /// Time since its start if it runs, else 0.
    pub(super) fn uptime(&self, now: i64) -> String {
        let started = self
            .number("pm_uptime")
            .filter(|_| self.pid != 0 && self.status() == "online");
        started.map_or_else(|| "0".to_owned(), |started| units::duration(now - started))
    }

    /// Bytes in use.
    pub(super) fn memory(&self) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a size in bytes; casts saturate"
        )]
        let bytes = self.monit.memory as u64;
        units::size(bytes)
    }

    /// Whether changes of its files restart it.
    pub(super) fn is_watching(&self) -> bool {
        match self.pm2_env.get("watch") {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(paths)) => !paths.is_empty(),
            Some(value) => value.as_str() != Some(""),
        }
    }

    /// Whether it belongs to a module.
    fn is_module(&self) -> bool {
        self.pm2_env.get("pmx_module") == Some(&Value::Bool(true))
    }

    /// The user that it runs as.
    fn user(&self) -> String {
        let uid = self.text("uid");
        if uid.is_empty() {
            self.text("username")
        } else {
            uid
        }
    }

    fn version(&self) -> String {
        let version = self.text("version");
        if version.is_empty() {
            "N/A".to_owned()
        } else {
            version
        }
    }
}

/// A scalar as text.
pub(super) fn text_of(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    }
}

/// Reads the daemon's answer.
pub(super) fn read(raw: Option<&RawValue>) -> serde_json::Result<Vec<Listed>> {
    serde_json::from_str(raw.map_or("[]", RawValue::get))
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The list as `list` prints it: a box as wide as the terminal allows, or pm2's mini list.
pub(super) fn render(mut processes: Vec<Listed>, out: &Output) -> String {
    let now = now();
    if out.mini_list {
        let lists: Vec<String> = processes.iter().map(|process| mini(process, now)).collect();
        return lists.join("\n");
    }
    let installed: Vec<Listed> = processes.extract_if(.., |one| one.is_module()).collect();
    sort(&mut processes, out.sort.as_deref().unwrap_or("name"));
    let wide = wide(&processes, now);
    let available = terminal::columns().unwrap_or(usize::MAX);
    let tables: [&dyn Fn() -> Table; 2] = [&|| medium(&processes), &|| small(&processes)];
    let mut table = wide;
    for narrower in tables {
        if table.width() > available {
            table = narrower();
        }
    }
    let text = table.render(out.color);
    if installed.is_empty() {
        return text;
    }
    let title = out.paint(Style::Bold, "Module");
    let below = modules(&installed).render(out.color);
    format!("{text}\n{title}\n{below}")
}

const NAME: (&str, Width) = ("name", Width::Longest(3, 9));

fn wide(processes: &[Listed], now: i64) -> Table {
    let mut table = Table::with_head(&[
        ("id", Width::Least(2)),
        NAME,
        ("namespace", Width::Exactly(11)),
        ("version", Width::Exactly(7)),
        ("mode", Width::Least(7)),
        ("pid", Width::Least(8)),
        ("uptime", Width::Least(6)),
        ("↺", Width::Least(4)),
        ("status", Width::Least(9)),
        ("cpu", Width::Least(8)),
        ("mem", Width::Least(8)),
        ("user", Width::Exactly(8)),
        ("watching", Width::Least(8)),
    ]);
    for process in processes {
        let watching = if process.is_watching() {
            Cell::new("enabled", Style::BoldGreen)
        } else {
            Cell::new("disabled", Style::Grey)
        };
        table.push(vec![
            Cell::new(process.id(), Style::BoldCyan),
            Cell::plain(&process.name),
            Cell::plain(process.text("namespace")),
            Cell::plain(process.version()),
            mode(process),
            Cell::plain(process.pid.to_string()),
            Cell::plain(process.uptime(now)),
            Cell::plain(restarts(process)),
            status(process),
            cpu(process),
            Cell::plain(process.memory()),
            Cell::new(process.user(), Style::Bold),
            watching,
        ]);
    }
    table
}

fn medium(processes: &[Listed]) -> Table {
    let mut table = Table::with_head(&[
        ("id", Width::Least(2)),
        NAME,
        ("mode", Width::Least(8)),
        ("↺", Width::Least(4)),
        ("status", Width::Least(9)),
        ("cpu", Width::Least(8)),
        ("memory", Width::Least(8)),
    ]);
    for process in processes {
        table.push(vec![
            Cell::new(process.id(), Style::BoldCyan),
            Cell::plain(&process.name),
            mode(process),
            Cell::plain(restarts(process)),
            status(process),
            cpu(process),
            Cell::plain(process.memory()),
        ]);
    }
    table
}

fn small(processes: &[Listed]) -> Table {
    let mut table = Table::with_head(&[
        ("id", Width::Least(2)),
        NAME,
        ("status", Width::Least(9)),
        ("cpu", Width::Least(6)),
        ("mem", Width::Least(8)),
    ]);
    for process in processes {
        table.push(vec![
            Cell::new(process.id(), Style::BoldCyan),
            Cell::plain(&process.name),
            status(process),
            cpu(process),
            Cell::plain(process.memory()),
        ]);
    }
    table
}

/// Modules, which are not among the apps.
fn modules(processes: &[Listed]) -> Table {
    let mut table = Table::with_head(&[
        ("id", Width::Least(2)),
        ("module", Width::Least(28)),
        ("version", Width::Least(13)),
        ("pid", Width::Least(8)),
        ("status", Width::Least(8)),
        ("↺", Width::Least(4)),
        ("cpu", Width::Least(8)),
        ("mem", Width::Least(8)),
        ("user", Width::Exactly(8)),
    ]);
    for process in processes {
        table.push(vec![
            Cell::new(process.id(), Style::BoldCyan),
            Cell::plain(&process.name),
            Cell::plain(process.version()),
            Cell::plain(process.pid.to_string()),
            status(process),
            Cell::plain(restarts(process)),
            cpu(process),
            Cell::plain(process.memory()),
            Cell::new(process.user(), Style::Bold),
        ]);
    }
    table
}

fn mode(process: &Listed) -> Cell {
    let mode = process.mode();
    let style = if mode == "cluster" {
        Style::BoldBlue
    } else {
        Style::BoldInverse
    };
    Cell::new(mode, style)
}

fn restarts(process: &Listed) -> String {
    process
        .number("restart_time")
        .unwrap_or_default()
        .to_string()
}

/// The status in its colour.
pub(super) fn status(process: &Listed) -> Cell {
    let status = process.status();
    let style = match status.as_str() {
        "online" => Style::BoldGreen,
        "launching" => Style::BoldBlue,
        "stopping" | "waiting restart" => Style::BoldYellow,
        _ => Style::BoldRed,
    };
    Cell::new(status, style)
}

fn cpu(process: &Listed) -> Cell {
    Cell::plain(format!("{}%", process.monit.cpu))
}

/// pm2's list without colour and boxes.
fn mini(process: &Listed, now: i64) -> String {
    let watching = if process.is_watching() { "yes" } else { "no" };
    format!(
        "+--- {}\nnamespace : {}\nversion : {}\npid : {}\npm2 id : {}\nstatus : {}\nmode : {}\nrestarted : {}\n\
         uptime : {}\nmemory usage : {} \nerror log : {}\nwatching : {watching}\nPID file : {}\n",
        process.name,
        process.text("namespace"),
        process.version(),
        process.pid,
        process.id(),
        process.status(),
        process.mode(),
        restarts(process),
        process.uptime(now),
        process.memory(),
        process.text("pm_err_log_path"),
        process.text("pm_pid_path"),
    )
}

/// Sorts by `field` or `field:desc`; unknown fields leave the order as it is.
fn sort(processes: &mut [Listed], by: &str) {
    let (field, order) = by.split_once(':').unwrap_or((by, "asc"));
    let number = |process: &Listed, key: &str| process.number(key).unwrap_or_default();
    match field {
        "name" => processes.sort_by(|a, b| a.name.cmp(&b.name)),
        "id" | "pm_id" => processes.sort_by_key(|process| process.pm_id.as_i64()),
        "pid" => processes.sort_by_key(|process| process.pid),
        "status" => processes.sort_by_key(Listed::status),
        "cpu" => processes.sort_by(|a, b| a.monit.cpu.total_cmp(&b.monit.cpu)),
        "memory" | "mem" => processes.sort_by(|a, b| a.monit.memory.total_cmp(&b.monit.memory)),
        "uptime" => {
            processes.sort_by_key(|process| std::cmp::Reverse(number(process, "pm_uptime")));
        }
        "restarts" | "restart_time" => {
            processes.sort_by_key(|process| number(process, "restart_time"));
        }
        _ => {}
    }
    if order == "desc" {
        processes.reverse();
    }
}

#[cfg(test)]
mod tests;
