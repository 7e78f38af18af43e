//! JSON text that we have made ourselves: nobody checks it once more.

/// A JSON value as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(String);

impl Json {
    /// What `text` is; the caller has made it of valid parts.
    pub fn made(text: String) -> Self {
        Self(text)
    }

    /// The JSON of a value; nothing if it has none.
    pub fn of<T: serde::Serialize + ?Sized>(value: &T) -> Option<Self> {
        serde_json::to_string(value).ok().map(Self)
    }

    /// An array of values.
    pub fn array(values: impl IntoIterator<Item = Self>) -> Self {
        let values: Vec<Self> = values.into_iter().collect();
        let length = values.iter().map(|value| value.0.len() + 1).sum::<usize>();
        let mut text = String::with_capacity(length + 2);
        text.push('[');
        for value in &values {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&value.0);
        }
        text.push(']');
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_put_together() {
        let value = |text: &str| Json::made(text.to_owned());
        assert_eq!(Json::array([]).as_str(), "[]");
        assert_eq!(Json::array([value("1")]).as_str(), "[1]");
        assert_eq!(Json::array([value("{}"), value("[]")]).as_str(), "[{},[]]");
        assert_eq!(Json::of(&["a"]).unwrap().as_str(), "[\"a\"]");
    }
}
