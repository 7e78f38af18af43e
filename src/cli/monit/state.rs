//! What the view shows. Pure.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use crate::cli::listed::{Listed, text_of};

/// Lines that are kept of each process.
const LINES: usize = 500;
/// Characters that are kept of each line.
const WIDTH: usize = 1000;

/// A line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Whether it is one of standard error.
    pub is_error: bool,
    /// Its text, without what would move the cursor.
    pub text: String,
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By number.
    pub processes: Vec<Listed>,
    selected: usize,
    logs: HashMap<String, VecDeque<Line>>,
    /// Why there is nothing newer.
    pub trouble: Option<String>,
}

impl State {
    /// Shows these processes; the selected one stays selected.
    pub(super) fn show(&mut self, mut processes: Vec<Listed>) {
        processes.sort_by_key(|process| process.pm_id.as_u64());
        let before = self.selected().map(Listed::id);
        let same = processes
            .iter()
            .position(|process| Some(process.id()) == before);
        let last = processes.len().saturating_sub(1);
        self.selected = same.unwrap_or_else(|| self.selected.min(last));
        let is_listed = |id: &String| processes.iter().any(|process| process.id() == *id);
        self.logs.retain(|id, _| is_listed(id));
        self.processes = processes;
        self.trouble = None;
    }

    /// Says why there is nothing newer.
    pub(super) fn trouble(&mut self, text: &str) {
        self.trouble = Some(text.to_owned());
    }

    /// The selected process.
    pub(super) fn selected(&self) -> Option<&Listed> {
        self.processes.get(self.selected)
    }

    /// Its place in the list.
    pub(super) fn place(&self) -> Option<usize> {
        (!self.processes.is_empty()).then_some(self.selected)
    }

    pub(super) fn select_next(&mut self) {
        if self.selected + 1 < self.processes.len() {
            self.selected += 1;
        }
    }

    pub(super) fn select_before(&mut self) {
        self.selected = self.selected.saturating_sub(1);
    }

    /// Takes an event of the bus in.
    pub(super) fn hear(&mut self, topic: &str, payload: &[u8]) {
        let is_error = match topic {
            "log:out" => false,
            "log:err" => true,
            _ => return,
        };
        let Ok(event) = serde_json::from_slice::<Value>(payload) else {
            return;
        };
        let id = text_of(event["process"].get("pm_id"));
        if !self.processes.iter().any(|process| process.id() == id) {
            return;
        }
        let lines = self.logs.entry(id).or_default();
        for text in event["data"].as_str().unwrap_or_default().lines() {
            if lines.len() == LINES {
                lines.pop_front();
            }
            let text = plain(text);
            lines.push_back(Line { is_error, text });
        }
    }

    /// The last lines of the selected process, oldest first.
    pub(super) fn lines(&self, count: usize) -> impl Iterator<Item = &Line> {
        let lines = self.selected().and_then(|one| self.logs.get(&one.id()));
        let all = lines.into_iter().flatten();
        let skipped = lines.map_or(0, |lines| lines.len().saturating_sub(count));
        all.skip(skipped)
    }
}

/// Text without escape sequences and control characters, which would do more than show.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => skip_sequence(&mut chars),
            '\t' => plain.push_str("  "),
            c if c.is_control() => {}
            c => plain.push(c),
        }
        if plain.len() > WIDTH {
            break;
        }
    }
    plain
}

/// A sequence ends with a letter; one that is no control sequence is a single character.
fn skip_sequence(chars: &mut std::str::Chars<'_>) {
    if chars.next() == Some('[') {
        chars.find(|c| ('@'..='~').contains(c));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listed(id: u32) -> Listed {
        serde_json::from_value(json!({ "pm_id": id, "name": format!("app{id}") })).unwrap()
    }

    fn selected(state: &State) -> String {
        state.selected().map(Listed::id).unwrap_or_default()
    }

    #[test]
    fn the_selected_process_stays_selected() {
        let mut state = State::default();
        assert_eq!((selected(&state), state.place()), (String::new(), None));
        state.show(vec![listed(2), listed(0), listed(1)]);
        state.select_before();
        assert_eq!(selected(&state), "0");
        state.select_next();
        state.select_next();
        state.select_next();
        assert_eq!(selected(&state), "2");
        state.show(vec![listed(1), listed(2), listed(3)]);
        assert_eq!(selected(&state), "2");
        state.show(vec![listed(0)]);
        assert_eq!(selected(&state), "0");
        state.show(Vec::new());
        assert_eq!(state.place(), None);
    }

    fn hear(state: &mut State, topic: &str, id: u32, data: &str) {
        let event = json!({ "process": { "pm_id": id }, "data": data });
        state.hear(topic, event.to_string().as_bytes());
    }

    fn texts(state: &State, count: usize) -> Vec<String> {
        state.lines(count).map(|line| line.text.clone()).collect()
    }

    #[test]
    fn lines_are_kept_by_process_and_not_for_ever() {
        let mut state = State::default();
        state.show(vec![listed(0), listed(1)]);
        hear(&mut state, "log:out", 0, "one\ntwo\n");
        hear(&mut state, "log:err", 0, "three\n");
        hear(&mut state, "log:out", 1, "other\n");
        hear(&mut state, "log:out", 7, "of nobody\n");
        hear(&mut state, "process:msg", 0, "no line\n");
        state.hear("log:out", b"no json");
        assert_eq!(texts(&state, 9), ["one", "two", "three"]);
        assert_eq!(texts(&state, 2), ["two", "three"]);
        assert!(state.lines(1).next().unwrap().is_error);
        for _ in 0..LINES {
            hear(&mut state, "log:out", 0, "again\n");
        }
        assert_eq!(texts(&state, 2 * LINES).len(), LINES);
        state.show(vec![listed(1)]);
        assert_eq!(
            (state.logs.len(), texts(&state, 9)),
            (1, vec!["other".to_owned()])
        );
    }

    #[test]
    fn escapes_and_controls_are_left_out() {
        assert_eq!(plain("\x1b[31;1mred\x1b[0m\tend\r\x07"), "red  end");
        assert_eq!(plain("a\x1bcb\x1b[2Jc\x1b["), "abc");
        assert!(plain(&"x".repeat(5000)).len() <= WIDTH + 1);
    }
}
