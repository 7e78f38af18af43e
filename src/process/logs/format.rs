//! What a log's lines look like: as they come, with a date before each, or as JSON.

use jiff::Zoned;
use serde_json::{Value, json};

use crate::process::record::Pm2Env;

/// How an app wants its logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// Byte for byte.
    Plain,
    /// `<date>: <line>`, the date in day.js tokens.
    Dated(String),
    /// An object for each chunk.
    Json {
        /// day.js tokens of its `timestamp`; the default is ISO 8601.
        date: Option<String>,
        /// Number of the process.
        pm_id: u64,
        /// Name of the app.
        name: String,
    },
}

impl Format {
    /// Reads `log_type`, `log_date_format` and `time`.
    pub(crate) fn of(env: &Pm2Env) -> Self {
        let text = |key: &str| {
            env.get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let date = text("log_date_format").map(str::to_owned);
        if text("log_type") == Some("json") {
            let pm_id = env.get("pm_id").and_then(Value::as_u64).unwrap_or_default();
            return Self::Json {
                date,
                pm_id,
                name: text("name").unwrap_or_default().to_owned(),
            };
        }
        date.map_or(Self::Plain, Self::Dated)
    }

    /// Formats text; `begun` says whether the last text ended inside a line, and is updated.
    pub(crate) fn apply(&self, text: &str, kind: &str, begun: &mut bool, now: &Zoned) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Dated(tokens) => dated(text, &date(tokens, now), begun),
            Self::Json {
                date: tokens,
                pm_id,
                name,
            } => {
                let timestamp = match tokens {
                    Some(tokens) => date(tokens, now),
                    None => now
                        .timestamp()
                        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
                        .to_string(),
                };
                let line = json!({
                    "message": text, "timestamp": timestamp, "type": kind, "process_id": pm_id, "app_name": name,
                });
                format!("{line}\n")
            }
        }
    }
}

/// Puts the date before each line, once, however many pieces the line arrives in.
fn dated(text: &str, date: &str, begun: &mut bool) -> String {
    let mut result = String::with_capacity(text.len() + date.len() + 2);
    for line in text.split_inclusive('\n') {
        if !*begun {
            result.push_str(date);
            result.push_str(": ");
        }
        result.push_str(line);
        *begun = !line.ends_with('\n');
    }
    result
}

/// day.js tokens and their strftime equivalents, longest first where one begins like another.
const TOKENS: &[(&str, &str)] = &[
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("M", "%-m"),
    ("DD", "%d"),
    ("D", "%-d"),
    ("dddd", "%A"),
    ("ddd", "%a"),
    ("dd", "%a"),
    ("d", "%w"),
    ("HH", "%H"),
    ("H", "%-H"),
    ("hh", "%I"),
    ("h", "%-I"),
    ("mm", "%M"),
    ("m", "%-M"),
    ("ss", "%S"),
    ("s", "%-S"),
    ("SSS", "%3f"),
    ("ZZ", "%z"),
    ("Z", "%:z"),
    ("A", "%p"),
    ("a", "%P"),
];

/// Formats a time by day.js tokens; text in square brackets stands for itself.
pub(crate) fn date(tokens: &str, now: &Zoned) -> String {
    let mut rest = tokens;
    let mut result = String::new();
    while let Some(first) = rest.chars().next() {
        if let Some((literal, after)) = rest
            .strip_prefix('[')
            .and_then(|inside| inside.split_once(']'))
        {
            result.push_str(literal);
            rest = after;
        } else if let Some((token, format)) =
            TOKENS.iter().find(|(token, _)| rest.starts_with(token))
        {
            let mut text = now.strftime(format).to_string();
            if *token == "dd" {
                text.truncate(2);
            }
            result.push_str(&text);
            rest = &rest[token.len()..];
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-03-05T07:08:09.012+02:00[Africa/Cairo]"
            .parse()
            .unwrap()
    }

    #[test]
    fn dates_follow_dayjs_tokens() {
        let table = [
            ("YYYY-MM-DDTHH:mm:ss", "2026-03-05T07:08:09"),
            (
                "YYYY-MM-DD HH:mm:ss.SSS Z",
                "2026-03-05 07:08:09.012 +02:00",
            ),
            ("D/M/YY h:m:s a", "5/3/26 7:8:9 am"),
            ("[at] dddd dd MMM", "at Thursday Th Mar"),
            ("é HH", "é 07"),
        ];
        for (tokens, expected) in table {
            assert_eq!(date(tokens, &now()), expected, "{tokens}");
        }
    }

    #[test]
    fn each_line_is_dated_once() {
        let mut begun = false;
        let format = Format::Dated("HH:mm".to_owned());
        assert_eq!(
            format.apply("a\nb", "out", &mut begun, &now()),
            "07:08: a\n07:08: b"
        );
        assert_eq!(format.apply("c\n", "out", &mut begun, &now()), "c\n");
        assert_eq!(format.apply("d\n", "out", &mut begun, &now()), "07:08: d\n");
    }

    #[test]
    fn json_lines_carry_pm2s_members() {
        let env = json!({ "log_type": "json", "pm_id": 3, "name": "app" });
        let format = Format::of(env.as_object().unwrap());
        let line = format.apply("a \"b\"\n", "err", &mut false, &now());
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&value["message"], &value["type"]),
            (&json!("a \"b\"\n"), &json!("err"))
        );
        assert_eq!(
            (&value["process_id"], &value["app_name"]),
            (&json!(3), &json!("app"))
        );
        assert_eq!(value["timestamp"], "2026-03-05T05:08:09.012Z");
    }
}
