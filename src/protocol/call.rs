//! Calls on rpc.sock and their replies.

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    frame::{FrameError, encode},
    json::Json,
    message::{MessageError, Pair, json, text},
};

/// A request's JSON, borrowed from its frame: arguments stay unparsed until a handler wants them.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// Anything but `methods` is a call.
    #[serde(rename = "type", borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<&'a RawValue>,
    #[serde(borrow, default)]
    args: Option<Vec<&'a RawValue>>,
}

/// Why a request cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The arguments of the frame are wrong.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The JSON is invalid.
    #[error("invalid JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What a client asks for.
#[derive(Debug)]
pub enum Asked<'a> {
    /// The list of methods.
    Methods,
    /// A method with its arguments; either may be missing.
    Call {
        /// Name, if it is a non-empty string.
        method: Option<String>,
        /// Raw JSON of each argument; `None` when `args` is missing.
        args: Option<Vec<&'a RawValue>>,
    },
}

impl<'a> Request<'a> {
    /// Reads the JSON of a request.
    pub fn parse(body: &'a [u8]) -> Result<Asked<'a>, CallError> {
        let request: Request<'a> = serde_json::from_slice(body)?;
        if request.kind.is_some_and(|kind| kind.get() == "\"methods\"") {
            return Ok(Asked::Methods);
        }
        let method = request
            .method
            .and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        Ok(Asked::Call {
            method: method.filter(|name| !name.is_empty()),
            args: request.args,
        })
    }
}

/// The JSON body and the id of a request or reply.
pub fn open(pair: &Pair) -> Result<(Bytes, &str), MessageError> {
    Ok((json(&pair.first)?, text(&pair.last)?))
}

/// Appends the frame of a request for `method` with `args`, each the JSON text of one argument.
pub fn encode_request(
    method: &str,
    args: &[&str],
    id: &str,
    target: &mut BytesMut,
) -> Result<(), FrameError> {
    let mut body: Vec<&[u8]> = vec![
        b"j:{\"type\":\"call\",\"method\":\"",
        method.as_bytes(),
        b"\",\"args\":[",
    ];
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            body.push(b",");
        }
        body.push(arg.as_bytes());
    }
    body.push(b"]}");
    encode(&[&body, &[b"s:", id.as_bytes()]], target)
}

/// Appends the frame of a successful reply; `result` is the JSON of the result, `None` for no result.
pub fn encode_result(
    result: Option<&Json>,
    id: &str,
    target: &mut BytesMut,
) -> Result<(), FrameError> {
    let mut body: Vec<&[u8]> = vec![b"j:{\"args\":["];
    body.extend(result.into_iter().flat_map(Json::pieces));
    body.push(b"]}");
    encode(&[&body, &[b"s:", id.as_bytes()]], target)
}

/// Appends the frame of a reply that is not a call's result: the list of methods.
pub fn encode_raw(body: &str, id: &str, target: &mut BytesMut) -> Result<(), FrameError> {
    encode(
        &[&[b"j:", body.as_bytes()], &[b"s:", id.as_bytes()]],
        target,
    )
}

/// Appends the frame of a failed reply.
pub fn encode_error(message: &str, id: &str, target: &mut BytesMut) -> Result<(), FrameError> {
    #[derive(Serialize)]
    struct Failure<'a> {
        error: &'a str,
    }
    let body = serde_json::to_vec(&Failure { error: message }).unwrap_or_default();
    encode(&[&[b"j:", &body], &[b"s:", id.as_bytes()]], target)
}

/// A reply's JSON.
#[derive(Debug, Deserialize)]
struct RawReply<'a> {
    #[serde(borrow, default)]
    args: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    error: Option<String>,
}

/// Reads a reply: the raw JSON of its result (`None` for no result), or the error's text.
pub fn parse_reply(body: &[u8]) -> Result<Result<Option<Box<RawValue>>, String>, CallError> {
    let reply: RawReply<'_> = serde_json::from_slice(body)?;
    Ok(match (reply.error, reply.args) {
        (Some(message), _) => Err(message),
        (None, args) => Ok(args.and_then(|args| args.first().map(|raw| (*raw).to_owned()))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::frame::FrameCodec;
    use tokio_util::codec::Decoder;

    fn pair(mut bytes: BytesMut) -> Pair {
        FrameCodec::new()
            .decode(&mut bytes)
            .unwrap()
            .unwrap()
            .try_into()
            .unwrap()
    }

    #[test]
    fn a_request_survives_the_wire_with_its_arguments_verbatim() {
        let mut bytes = BytesMut::new();
        encode_request(
            "m",
            &["{\"n\":12345678901234567890,\"s\":\"\\ud800\"}", "[]"],
            "1:2",
            &mut bytes,
        )
        .unwrap();
        let pair = pair(bytes);
        let (body, id) = open(&pair).unwrap();
        assert_eq!(id, "1:2");
        let Asked::Call { method, args } = Request::parse(&body).unwrap() else {
            panic!("a call")
        };
        assert_eq!(method.as_deref(), Some("m"));
        let args: Vec<&str> = args.unwrap().iter().map(|raw| raw.get()).collect();
        assert_eq!(
            args,
            ["{\"n\":12345678901234567890,\"s\":\"\\ud800\"}", "[]"]
        );
    }

    #[test]
    fn any_type_but_methods_is_a_call_and_fields_may_be_missing() {
        assert!(matches!(
            Request::parse(b"{\"type\":\"methods\"}"),
            Ok(Asked::Methods)
        ));
        for body in ["{}", "{\"type\":7,\"method\":\"\"}", "{\"method\":{}}"] {
            let asked = Request::parse(body.as_bytes());
            assert!(
                matches!(
                    asked,
                    Ok(Asked::Call {
                        method: None,
                        args: None
                    })
                ),
                "{body}: {asked:?}"
            );
        }
        assert!(Request::parse(b"{\"type\":").is_err());
    }

    #[test]
    fn replies_are_told_apart() {
        let mut bytes = BytesMut::new();
        encode_result(
            Some(&Json::made("{\"msg\":\"pong\"}".to_owned())),
            "1:1",
            &mut bytes,
        )
        .unwrap();
        let (body, _) = open(&pair(bytes))
            .map(|(body, id)| (body, id.to_owned()))
            .unwrap();
        assert_eq!(
            parse_reply(&body).unwrap().unwrap().unwrap().get(),
            "{\"msg\":\"pong\"}"
        );

        let mut bytes = BytesMut::new();
        encode_result(None, "1:1", &mut bytes).unwrap();
        let (body, _) = open(&pair(bytes))
            .map(|(body, id)| (body, id.to_owned()))
            .unwrap();
        assert!(parse_reply(&body).unwrap().unwrap().is_none());

        let mut bytes = BytesMut::new();
        encode_error("77 : \"id\" unknown", "1:1", &mut bytes).unwrap();
        let (body, _) = open(&pair(bytes))
            .map(|(body, id)| (body, id.to_owned()))
            .unwrap();
        assert_eq!(
            parse_reply(&body).unwrap().unwrap_err(),
            "77 : \"id\" unknown"
        );
    }
}
