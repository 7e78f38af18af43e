//! What the apps write, made into the lines that `logs` prints. Chunks end anywhere: a line is printed when it is
//! complete, or when nothing more of it has come for a moment.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::json;

use crate::{
    cli::output::{Output, Style, paint},
    process::logs::date,
};

/// What each line looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `0|name | line`.
    Named,
    /// The same behind the time, in day.js tokens.
    Dated(String),
    /// The output alone.
    Raw,
    /// An object.
    Json,
    /// `timestamp=... app=... id=... type=... message=...`.
    KeyValue,
}

/// Who wrote a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    /// Number of the process, or `PM2`.
    pub(crate) id: String,
    /// Name of the app.
    pub(crate) name: String,
    /// Whether it is standard error.
    pub(crate) is_error: bool,
}

/// How long the rest of a line may take.
const PATIENCE: Duration = Duration::from_millis(200);
/// A line is not kept beyond this many bytes.
const LINE_LIMIT: usize = 64 * 1024;

struct Partial {
    text: String,
    at: i64,
    since: Instant,
}

/// Lines in the making.
pub(crate) struct Lines {
    shape: Shape,
    highlight: Option<String>,
    color: bool,
    partial: HashMap<Writer, Partial>,
    /// Columns of the widest name so far.
    width: usize,
}

impl Lines {
    pub(crate) fn new(shape: Shape, highlight: Option<String>, out: &Output) -> Self {
        Self {
            shape,
            highlight: highlight.filter(|text| !text.is_empty()),
            color: out.color,
            partial: HashMap::new(),
            width: 3,
        }
    }

    /// Whether the output is passed on as it is.
    pub(crate) fn is_raw(&self) -> bool {
        self.shape == Shape::Raw
    }

    /// Adds a chunk written at `at` (milliseconds since 1970) and appends what is to be printed now to `target`.
    pub(crate) fn push(&mut self, writer: &Writer, at: i64, data: &str, target: &mut String) {
        if self.shape == Shape::Raw {
            target.push_str(data);
            return;
        }
        let mut data = data;
        while let Some((line, rest)) = data.split_once('\n') {
            match self.partial.remove(writer) {
                Some(begun) => self.print(writer, begun.at, &(begun.text + line), target),
                None => self.print(writer, at, line, target),
            }
            data = rest;
        }
        if data.is_empty() {
            return;
        }
        let partial = self
            .partial
            .entry(writer.clone())
            .or_insert_with(|| Partial {
                text: String::new(),
                at,
                since: Instant::now(),
            });
        partial.text.push_str(data);
        partial.since = Instant::now();
        if partial.text.len() > LINE_LIMIT {
            self.flush_if(|other, _| other == writer, target);
        }
    }

    /// When the oldest unfinished line is to be printed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let oldest = self.partial.values().map(|partial| partial.since).min();
        oldest.map(|since| since + PATIENCE)
    }

    /// Appends the unfinished lines that have waited long enough.
    pub(crate) fn flush(&mut self, now: Instant, target: &mut String) {
        self.flush_if(|_, partial| now >= partial.since + PATIENCE, target);
    }

    fn flush_if(&mut self, is_due: impl Fn(&Writer, &Partial) -> bool, target: &mut String) {
        let due = self
            .partial
            .iter()
            .filter(|(writer, partial)| is_due(writer, partial));
        let due: Vec<Writer> = due.map(|(writer, _)| writer.clone()).collect();
        for writer in due {
            if let Some(partial) = self.partial.remove(&writer) {
                self.print(&writer, partial.at, &partial.text, target);
            }
        }
    }

    fn print(&mut self, writer: &Writer, at: i64, line: &str, target: &mut String) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let Writer { id, name, is_error } = writer;
        match &self.shape {
            Shape::Raw => target.push_str(line),
            Shape::Named => self.named(writer, line, target),
            Shape::Dated(format) => {
                target.push_str(&date(format, &local(at)));
                target.push(' ');
                self.named(writer, line, target);
            }
            Shape::Json => {
                let kind = if *is_error { "err" } else { "out" };
                let id = id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id));
                let time = crate::cli::units::date(at);
                let object = json!({
                    "message": line, "timestamp": time, "type": kind, "process_id": id, "app_name": name
                });
                target.push_str(&object.to_string());
            }
            Shape::KeyValue => {
                let kind = if *is_error { "error" } else { "out" };
                let time = local(at).strftime("%Y-%m-%d-%H:%M:%S%z").to_string();
                let fields = [
                    "timestamp=",
                    &time,
                    " app=",
                    name,
                    " id=",
                    id,
                    " type=",
                    kind,
                ];
                target.extend(fields);
                target.extend([" message=", line]);
            }
        }
        target.push('\n');
    }

    fn named(&mut self, Writer { id, name, is_error }: &Writer, line: &str, target: &mut String) {
        let label = if id == "PM2" {
            id.clone()
        } else {
            format!("{id}|{name}")
        };
        let length = label.chars().count();
        if length > self.width {
            // As pm2 does: one more, and all names line up from here on.
            self.width = length + 1;
        }
        let style = if *is_error { Style::Red } else { Style::Green };
        let label = format!("{label:<width$} | ", width = self.width);
        target.push_str(&paint(self.color, style, &label));
        match &self.highlight {
            Some(text) if self.color => {
                target
                    .push_str(&line.replace(text.as_str(), &paint(true, Style::BoldInverse, text)));
            }
            _ => target.push_str(line),
        }
    }
}

fn local(at: i64) -> Zoned {
    Timestamp::from_millisecond(at)
        .unwrap_or_default()
        .to_zoned(TimeZone::system())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(shape: Shape) -> Lines {
        Lines {
            shape,
            highlight: None,
            color: false,
            partial: HashMap::new(),
            width: 3,
        }
    }

    fn writer(id: &str, name: &str, is_error: bool) -> Writer {
        Writer {
            id: id.to_owned(),
            name: name.to_owned(),
            is_error,
        }
    }

    fn push(lines: &mut Lines, writer: &Writer, data: &str) -> String {
        let mut text = String::new();
        lines.push(writer, 0, data, &mut text);
        text
    }

    #[test]
    fn names_line_up_as_they_come() {
        let mut lines = lines(Shape::Named);
        assert_eq!(
            push(&mut lines, &writer("0", "m", false), "a\nb\n"),
            "0|m | a\n0|m | b\n"
        );
        assert_eq!(
            push(&mut lines, &writer("1", "name", false), "c\n"),
            "1|name  | c\n"
        );
        assert_eq!(
            push(&mut lines, &writer("0", "m", true), "d\r\n"),
            "0|m     | d\n"
        );
    }

    #[test]
    fn a_line_in_pieces_is_one_line() {
        let mut lines = lines(Shape::Named);
        let (out, err) = (writer("0", "m", false), writer("0", "m", true));
        assert_eq!(push(&mut lines, &out, "first\nsec"), "0|m | first\n");
        assert_eq!(push(&mut lines, &err, "other\n"), "0|m | other\n");
        assert_eq!(push(&mut lines, &out, "ond\n"), "0|m | second\n");
        assert_eq!(lines.deadline(), None);
    }

    #[test]
    fn an_unfinished_line_waits_only_a_moment() {
        let mut lines = lines(Shape::Named);
        assert_eq!(push(&mut lines, &writer("0", "m", false), "prompt> "), "");
        let deadline = lines.deadline().unwrap();
        let mut text = String::new();
        lines.flush(
            deadline.checked_sub(Duration::from_millis(1)).unwrap(),
            &mut text,
        );
        assert_eq!(text, "");
        lines.flush(deadline, &mut text);
        assert_eq!(text, "0|m | prompt> \n");
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut lines = lines(Shape::Named);
        let text = push(
            &mut lines,
            &writer("0", "m", false),
            &"x".repeat(LINE_LIMIT + 1),
        );
        assert_eq!(text.len(), "0|m | \n".len() + LINE_LIMIT + 1);
    }

    #[test]
    fn other_shapes() {
        let app = writer("0", "m", true);
        assert_eq!(push(&mut lines(Shape::Raw), &app, "a\nb"), "a\nb");
        assert_eq!(
            push(&mut lines(Shape::Json), &app, "a\nb\n"),
            "{\"message\":\"a\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"type\":\"err\",\"process_id\":0,\"app_name\":\"m\"}\n\
             {\"message\":\"b\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"type\":\"err\",\"process_id\":0,\"app_name\":\"m\"}\n"
        );
        let text = push(&mut lines(Shape::KeyValue), &app, "a\n");
        assert!(
            text.starts_with("timestamp=19")
                && text.ends_with(" app=m id=0 type=error message=a\n"),
            "{text}"
        );
    }
}
