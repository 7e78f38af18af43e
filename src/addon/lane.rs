//! The classes behind js/lane.js and js/subscription.js: what the script's own thread reads from the daemon's sockets.

#![expect(
    clippy::needless_pass_by_value,
    reason = "what a script passes comes by value"
)]

use napi::{
    Env, JsString,
    bindgen_prelude::{BufferSlice, Either3, Null},
};
use napi_derive::napi;

use super::failure;
use crate::{
    client::{Answer, Lane, Outcome},
    protocol::{
        event::open_event,
        feed::{Feed, FeedError},
    },
};

/// What has become of a call, as js/lane.js knows it: the result follows, or the error, or nothing.
const DONE: u32 = 0;
const FAILED: u32 = 1;
const AGAIN: u32 = 2;
/// Not of a call: the connection takes no more of them.
const OVER: u32 = 3;

/// A number, a text or nothing.
type Item<'env> = Either3<u32, JsString<'env>, Null>;

/// The calls of one connection to rpc.sock.
#[napi]
#[derive(Default)]
pub struct NativeLane {
    lane: Lane,
}

#[napi]
impl NativeLane {
    /// A connection on which nothing was sent.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The frame of the call that `verb` with `args`, a JSON array, is; null if it is nothing for here. A text whose
    /// characters are the bytes: a buffer takes longer to make.
    #[napi]
    pub fn request<'env>(
        &mut self,
        env: &'env Env,
        ticket: u32,
        verb: String,
        args: String,
    ) -> napi::Result<Option<JsString<'env>>> {
        let frame = self.lane.request(ticket, &verb, &args);
        frame
            .map(|frame| env.create_string_latin1(frame))
            .transpose()
    }

    /// Takes what was read: `(ticket, what, text | null)` for every call of which something has become.
    #[napi]
    pub fn received<'env>(
        &mut self,
        env: &'env Env,
        read: BufferSlice<'_>,
    ) -> napi::Result<Vec<Item<'env>>> {
        let was_over = self.lane.is_over();
        let answers = self.lane.received(&read).map_err(refused)?;
        let mut items = items(env, answers)?;
        if self.lane.is_over() && !was_over {
            items.extend([Either3::A(0), Either3::A(OVER), Either3::C(Null)]);
        }
        Ok(items)
    }

    /// The connection has ended: the same for every call that was not answered.
    #[napi]
    pub fn ended<'env>(&mut self, env: &'env Env) -> napi::Result<Vec<Item<'env>>> {
        items(env, self.lane.end())
    }
}

/// The events of one connection to pub.sock.
#[napi]
#[derive(Default)]
pub struct NativeEvents {
    feed: Feed,
}

#[napi]
impl NativeEvents {
    /// A connection on which nothing was read.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was read: `(topic, payload)` of every event that is whole with it.
    #[napi]
    pub fn received<'env>(
        &mut self,
        env: &'env Env,
        read: BufferSlice<'_>,
    ) -> napi::Result<Vec<JsString<'env>>> {
        let mut events = Vec::new();
        let each = |pair| {
            let (topic, payload) = open_event(&pair)?;
            events.push((topic.to_owned(), payload));
            Ok(())
        };
        self.feed.take(&read, each).map_err(refused)?;
        let mut texts = Vec::with_capacity(2 * events.len());
        for (topic, payload) in events {
            texts.push(text(env, topic.as_bytes())?);
            texts.push(text(env, &payload)?);
        }
        Ok(texts)
    }
}

fn items(env: &Env, answers: Vec<Answer>) -> napi::Result<Vec<Item<'_>>> {
    let mut items = Vec::with_capacity(3 * answers.len() + 3);
    for Answer { ticket, outcome } in answers {
        let (what, told) = match outcome {
            Outcome::Done(body) => (DONE, Either3::B(text(env, &body)?)),
            Outcome::Failed(error) => {
                let json = failure::to_json(&error);
                (FAILED, Either3::B(text(env, json.as_bytes())?))
            }
            Outcome::Again => (AGAIN, Either3::C(Null)),
        };
        items.extend([Either3::A(ticket), Either3::A(what), told]);
    }
    Ok(items)
}

/// A script's text. Most are ASCII, which needs no decoding.
fn text<'env>(env: &'env Env, bytes: &[u8]) -> napi::Result<JsString<'env>> {
    if bytes.is_ascii() {
        env.create_string_latin1(bytes)
    } else {
        env.create_string(String::from_utf8_lossy(bytes))
    }
}

fn refused(error: FeedError) -> napi::Error {
    napi::Error::from_reason(error.to_string())
}
