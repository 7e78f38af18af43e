//! YAML to JSON values: anchors, merge keys, the core schema.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Value};

use crate::app::value::number_from;

/// Deepest nesting.
const DEPTH_LIMIT: usize = 100;

/// Most values in a document, those that aliases repeat counted again.
const VALUE_LIMIT: usize = 200_000;

/// The value of the only document in `text`; errors name line and column.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut composer = Composer {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
    };
    let value = composer.document()?;
    Ok(value)
}

struct Composer<'a> {
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Value>,
    values: usize,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), String> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(at(*error.marker(), error.info())),
            None => Ok((Event::StreamEnd, Span::empty(Marker::new(0, 1, 0)))),
        }
    }

    fn document(&mut self) -> Result<Value, String> {
        loop {
            match self.next()? {
                (Event::DocumentStart(_), _) => break,
                (Event::StreamEnd, _) => return Ok(Value::Null),
                _ => {}
            }
        }
        let first = self.next()?;
        let value = self.value(first, 0)?;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(value),
                (Event::DocumentStart(_), span) => {
                    return Err(at(
                        span.start,
                        "expected a single document, found another one",
                    ));
                }
                _ => {}
            }
        }
    }

    fn value(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Value, String> {
        if depth > DEPTH_LIMIT {
            return Err(at(span.start, "nested too deeply"));
        }
        self.count(1, span)?;
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(&text, style, tag.as_deref()))
            }
            Event::SequenceStart(anchor, _) => (anchor, self.sequence(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.mapping(depth)?),
            _ => return Err(at(span.start, "expected a value")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Value, String> {
        let value = self
            .anchors
            .get(&anchor)
            .cloned()
            .ok_or_else(|| at(span.start, "unknown anchor"))?;
        self.count(size(&value), span)?;
        Ok(value)
    }

    /// Aliases of aliases can stand for billions of values.
    fn count(&mut self, more: usize, span: Span) -> Result<(), String> {
        self.values += more;
        if self.values > VALUE_LIMIT {
            return Err(at(span.start, "too many values"));
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, String> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(list)),
                event => list.push(self.value(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut map = Map::new();
        let mut merged = Map::new();
        loop {
            let (event, span) = self.next()?;
            let plain_merge = match &event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, ..) => *style == ScalarStyle::Plain && text == "<<",
                _ => false,
            };
            let key = match self.value((event, span), depth + 1)? {
                Value::String(text) => text,
                other @ (Value::Array(_) | Value::Object(_)) => {
                    return Err(at(span.start, &format!("a key cannot be {other}")));
                }
                scalar => scalar.to_string(),
            };
            let next = self.next()?;
            let value = self.value(next, depth + 1)?;
            if plain_merge {
                merge(&mut merged, value, span)?;
            } else if map.insert(key.clone(), value).is_some() {
                return Err(at(span.start, &format!("the key \"{key}\" is there twice")));
            }
        }
        // The mapping's own keys win over merged ones.
        for (key, value) in merged {
            map.entry(key).or_insert(value);
        }
        Ok(Value::Object(map))
    }
}

fn merge(merged: &mut Map<String, Value>, value: Value, span: Span) -> Result<(), String> {
    let maps = match value {
        Value::Array(maps) => maps,
        single => vec![single],
    };
    for map in maps {
        let Value::Object(map) = map else {
            return Err(at(span.start, "only a mapping can be merged with <<"));
        };
        for (key, value) in map {
            merged.entry(key).or_insert(value);
        }
    }
    Ok(())
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.iter().map(size).sum::<usize>() + 1,
        Value::Object(map) => map.values().map(size).sum::<usize>() + 1,
        _ => 1,
    }
}

fn at(place: Marker, message: &str) -> String {
    format!(
        "{message} at line {} column {}",
        place.line(),
        place.col() + 1
    )
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || is_text {
        return text.into();
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => number(text).unwrap_or_else(|| text.into()),
    }
}

fn number(text: &str) -> Option<Value> {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return i64::from_str_radix(digits, radix).ok().map(Value::from);
        }
    }
    let first = text.trim_start_matches(['+', '-', '.']).chars().next()?;
    if !first.is_ascii_digit() {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    number_from(text.parse().ok()?).map(Value::Number)
}
