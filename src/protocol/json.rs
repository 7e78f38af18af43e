//! JSON text that we have made ourselves: nobody checks it once more.

use bytes::Bytes;

/// A JSON value as text, in pieces: a large one is put together once, where it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Vec<Bytes>);

impl Json {
    /// What `text` is; the caller has made it of valid parts.
    pub fn made(text: String) -> Self {
        Self(vec![text.into()])
    }

    /// The same of pieces of text.
    pub fn of_pieces(pieces: impl Into<Vec<Bytes>>) -> Self {
        Self(pieces.into())
    }

    /// The JSON of a value; nothing if it has none.
    pub fn of<T: serde::Serialize + ?Sized>(value: &T) -> Option<Self> {
        serde_json::to_string(value).ok().map(Self::made)
    }

    /// An array of values.
    pub fn array(values: impl IntoIterator<Item = Self>) -> Self {
        let mut pieces = vec![Bytes::from_static(b"[")];
        for value in values {
            if pieces.len() > 1 {
                pieces.push(Bytes::from_static(b","));
            }
            pieces.extend(value.0);
        }
        pieces.push(Bytes::from_static(b"]"));
        Self(pieces)
    }

    /// The text in its pieces.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// The text.
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0.concat()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_put_together() {
        let value = |text: &str| Json::made(text.to_owned());
        assert_eq!(Json::array([]).to_text(), "[]");
        assert_eq!(Json::array([value("1")]).to_text(), "[1]");
        let inner = Json::array([value("2"), value("3")]);
        assert_eq!(Json::array([value("{}"), inner]).to_text(), "[{},[2,3]]");
        assert_eq!(Json::of(&["a"]).unwrap().to_text(), "[\"a\"]");
    }
}
