//! How it is shown.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, List, ListItem, ListState, Paragraph},
};
use serde_json::Value;

use super::state::State;
use crate::cli::{
    listed::{self, Listed, text_of},
    units,
};

/// Draws everything.
pub(super) fn draw(state: &State, frame: &mut Frame<'_>) {
    let [above, below, help] = Layout::vertical([
        Constraint::Fill(3),
        Constraint::Fill(2),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let half = [Constraint::Percentage(40), Constraint::Percentage(60)];
    let [list, logs] = Layout::horizontal(half).areas(above);
    let [metrics, metadata] = Layout::horizontal(half).areas(below);
    draw_list(state, frame, list);
    draw_logs(state, frame, logs);
    let selected = state.selected();
    let lines = selected.map_or_else(Vec::new, metric_lines);
    frame.render_widget(boxed("Custom Metrics", lines), metrics);
    let lines = selected.map_or_else(Vec::new, metadata_lines);
    frame.render_widget(boxed("Metadata", lines), metadata);
    let text = state
        .trouble
        .as_deref()
        .unwrap_or(" up/down: select a process | q, Ctrl-C: quit");
    let color = if state.trouble.is_some() {
        Color::Red
    } else {
        Color::DarkGray
    };
    frame.render_widget(Line::styled(text, Style::new().fg(color)), help);
}

fn boxed<'t>(title: &'t str, lines: Vec<Line<'t>>) -> Paragraph<'t> {
    Paragraph::new(lines).block(Block::bordered().title(format!(" {title} ")))
}

fn draw_list(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let items = state.processes.iter().map(|process| {
        let status = process.status();
        let name = format!("[{:>2}] {:<14} ", process.id(), process.name);
        let usage = format!("{:>9} {:>6}%", process.memory(), process.monit.cpu);
        let style = Style::new().fg(color(&status));
        ListItem::new(Line::from(vec![
            Span::raw(name),
            Span::styled(format!("{status:<9}"), style),
            Span::raw(usage),
        ]))
    });
    let list = List::new(items)
        .block(Block::bordered().title(" Process List "))
        .highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut selection = ListState::default().with_selected(state.place());
    frame.render_stateful_widget(list, area, &mut selection);
}

fn draw_logs(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let name = state.selected().map_or("", |process| &process.name);
    let title = format!("{name} Logs");
    // Without the border.
    let rows = usize::from(area.height.saturating_sub(2));
    let lines = state.lines(rows).map(|line| {
        let color = if line.is_error {
            Color::Red
        } else {
            Color::Reset
        };
        Line::styled(line.text.as_str(), Style::new().fg(color))
    });
    let lines = lines.collect();
    frame.render_widget(boxed(title.trim_start(), lines), area);
}

fn color(status: &str) -> Color {
    match status {
        "online" => Color::Green,
        "launching" => Color::Blue,
        "stopping" | "waiting restart" => Color::Yellow,
        _ => Color::Red,
    }
}

/// What the app measures.
fn metric_lines(process: &Listed) -> Vec<Line<'static>> {
    let metrics = process
        .pm2_env
        .get("axm_monitor")
        .and_then(Value::as_object);
    let line = |(name, metric): (&String, &Value)| {
        let value = text_of(metric.get("value"));
        let unit = text_of(metric.get("unit"));
        row(name, format!("{value} {unit}").trim_end())
    };
    metrics.into_iter().flatten().map(line).collect()
}

fn metadata_lines(process: &Listed) -> Vec<Line<'static>> {
    let text = |key: &str| {
        let text = process.text(key);
        if text.is_empty() {
            "N/A".to_owned()
        } else {
            text
        }
    };
    let restarts = process.number("restart_time").unwrap_or_default();
    let unstable = process.number("unstable_restarts").unwrap_or_default();
    let rows = [
        ("App Name", process.name.clone()),
        ("Namespace", text("namespace")),
        ("Version", text("version")),
        ("Restarts", restarts.to_string()),
        ("Unstable restarts", unstable.to_string()),
        ("Uptime", process.uptime(listed::now())),
        ("Script path", text("pm_exec_path")),
        ("Exec mode", process.mode()),
        ("Interpreter", text("exec_interpreter")),
        ("Node.js version", text("node_version")),
        ("Memory", process.memory()),
        (
            "Created at",
            process
                .number("created_at")
                .map_or_else(|| "N/A".to_owned(), units::date),
        ),
    ];
    let rows = rows.iter().map(|(name, value)| row(name, value));
    rows.collect()
}

fn row(name: &str, value: &str) -> Line<'static> {
    Line::from(vec![
        Span::styled(
            format!("{name:<22}"),
            Style::new().add_modifier(Modifier::BOLD),
        ),
        Span::raw(value.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{Terminal, backend::TestBackend};
    use serde_json::json;

    fn shown(state: &State) -> String {
        let mut terminal = Terminal::new(TestBackend::new(120, 30)).unwrap();
        terminal.draw(|frame| draw(state, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let rows = buffer.content().chunks(120);
        let rows = rows.map(|row| {
            row.iter()
                .map(ratatui::buffer::Cell::symbol)
                .collect::<String>()
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn list_logs_metrics_and_metadata_are_shown() {
        let listed = |id: u32, name: &str, status: &str| -> Listed {
            serde_json::from_value(json!({
                "pm_id": id, "name": name, "pid": 7, "monit": { "memory": 1_048_576, "cpu": 2.5 },
                "pm2_env": {
                    "status": status, "exec_mode": "fork_mode", "restart_time": 3, "namespace": "blue",
                    "axm_monitor": { "Requests": { "value": 12, "unit": "req/min" } }
                }
            }))
            .unwrap()
        };
        let mut state = State::default();
        state.show(vec![
            listed(0, "web", "online"),
            listed(1, "job", "errored"),
        ]);
        let event = json!({ "process": { "pm_id": 0 }, "data": "hello there\n" });
        state.hear("log:out", event.to_string().as_bytes());
        let text = shown(&state);
        for part in [
            "[ 0] web            online       1.0mb    2.5%",
            "[ 1] job",
            " web Logs ",
            "hello there",
            "Requests              12 req/min",
            "Namespace             blue",
            "Restarts              3",
            "q, Ctrl-C: quit",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        state.select_next();
        let text = shown(&state);
        assert!(
            text.contains(" job Logs ") && !text.contains("hello there"),
            "{text}"
        );
    }

    #[test]
    fn trouble_and_an_empty_list_are_shown() {
        let mut state = State::default();
        assert!(shown(&state).contains(" Process List "));
        state.trouble("the daemon is gone");
        assert!(shown(&state).contains("the daemon is gone"));
    }
}
