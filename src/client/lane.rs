//! The calls of verbs that are one call, on a connection of their own whose bytes the caller moves: a script reads and
//! writes it on its own thread, and no other one has to be woken on the way. Pure: bytes and answers.

use std::collections::{BTreeMap, HashSet};

use bytes::{Bytes, BytesMut};

use super::{
    ClientError,
    connection::{id_of, next_number},
    session::READ_ONLY,
    verbs::single::single,
};
use crate::protocol::{
    FAREWELL, MESSAGE_LIMIT, call,
    feed::{Feed, FeedError},
    message::Pair,
};

/// A reply's JSON that needs no look begins with this.
const RESULT: &[u8] = b"{\"args\":[";

/// What has become of a call.
#[derive(Debug)]
pub enum Outcome {
    /// It is done. The JSON of an object whose `args` holds the result, if there is one, not yet checked.
    Done(Bytes),
    /// It has failed.
    Failed(ClientError),
    /// It is to be made again, as it had no effect.
    Again,
}

/// What has become of the call with this ticket.
#[derive(Debug)]
pub struct Answer {
    /// The caller's name for it.
    pub ticket: u32,
    /// What has become of it.
    pub outcome: Outcome,
}

struct Waiting {
    ticket: u32,
    method: &'static str,
}

/// One connection to rpc.sock.
#[derive(Default)]
pub struct Lane {
    feed: Feed,
    /// The calls not yet answered by their number, which is also their order.
    waiting: BTreeMap<u64, Waiting>,
    /// The daemon leaves: it reads no more.
    is_over: bool,
}

impl Lane {
    /// Whether the daemon has said that it reads no more: then calls need another connection.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The frame of a verb's call, to be written; `None` if the verb, or its arguments, are nothing for here.
    pub fn request(&mut self, ticket: u32, verb: &str, args: &str) -> Option<BytesMut> {
        let call = single(verb, args)?;
        if self.is_over || call.argument.len() > MESSAGE_LIMIT {
            return None;
        }
        let number = next_number();
        let mut frame = BytesMut::new();
        call::encode_request(call.method, &[&call.argument], &id_of(number), &mut frame).ok()?;
        let method = call.method;
        self.waiting.insert(number, Waiting { ticket, method });
        Some(frame)
    }

    /// Takes what was read. After an error the connection is of no use.
    pub fn received(&mut self, read: &[u8]) -> Result<Vec<Answer>, FeedError> {
        let Self {
            feed,
            waiting,
            is_over,
        } = self;
        let mut answers = Vec::new();
        feed.take(read, |pair| take(&pair, waiting, is_over, &mut answers))?;
        Ok(answers)
    }

    /// The connection has ended: what becomes of the calls that were not answered, in their order.
    pub fn end(&mut self) -> Vec<Answer> {
        self.is_over = true;
        let unanswered = std::mem::take(&mut self.waiting).into_values();
        unanswered
            .map(|Waiting { ticket, method }| {
                let outcome = if READ_ONLY.contains(&method) {
                    Outcome::Again
                } else {
                    Outcome::Failed(ClientError::Lost {
                        method: method.to_owned(),
                    })
                };
                Answer { ticket, outcome }
            })
            .collect()
    }
}

fn take(
    pair: &Pair,
    waiting: &mut BTreeMap<u64, Waiting>,
    is_over: &mut bool,
    answers: &mut Vec<Answer>,
) -> Result<(), FeedError> {
    let (body, id) = call::open(pair)?;
    if id == FAREWELL {
        *is_over = true;
        answers.extend(unread(&body, waiting));
        return Ok(());
    }
    let number = id.rsplit_once(':').and_then(|(_, text)| text.parse().ok());
    if let Some(Waiting { ticket, method }) = number.and_then(|number: u64| waiting.remove(&number))
    {
        let outcome = outcome(body, method);
        answers.push(Answer { ticket, outcome });
    }
    Ok(())
}

fn outcome(body: Bytes, method: &str) -> Outcome {
    if body.starts_with(RESULT) {
        return Outcome::Done(body);
    }
    match call::parse_reply(&body) {
        Ok(Ok(_)) => Outcome::Done(body),
        Ok(Err(refusal)) => Outcome::Failed(ClientError::Refused(refusal)),
        Err(source) => Outcome::Failed(ClientError::Reply {
            method: method.to_owned(),
            source,
        }),
    }
}

/// Of what is not answered, a daemon that leaves has read only what its farewell names.
fn unread(farewell: &[u8], waiting: &mut BTreeMap<u64, Waiting>) -> Vec<Answer> {
    let Ok(Ok(Some(named))) = call::parse_reply(farewell) else {
        return Vec::new();
    };
    let Ok(read) = serde_json::from_str::<HashSet<String>>(named.get()) else {
        return Vec::new();
    };
    let (read, unread) = std::mem::take(waiting)
        .into_iter()
        .partition::<BTreeMap<_, _>, _>(|(number, _)| read.contains(&id_of(*number)));
    *waiting = read;
    let again = |Waiting { ticket, .. }| Answer {
        ticket,
        outcome: Outcome::Again,
    };
    unread.into_values().map(again).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::Json;

    const SEND: (&str, &str) = ("sendDataToProcessId", "[{\"id\":0}]");
    const LIST: (&str, &str) = ("list", "[]");

    fn lane(calls: &[(&str, &str)]) -> (Lane, Vec<String>) {
        let mut lane = Lane::default();
        let mut ids = Vec::new();
        for (ticket, (verb, args)) in (1..).zip(calls) {
            let frame = lane.request(ticket, verb, args).unwrap();
            let each = |pair: Pair| {
                ids.push(call::open(&pair)?.1.to_owned());
                Ok(())
            };
            Feed::default().take(&frame, each).unwrap();
        }
        (lane, ids)
    }

    fn shown(answers: &[Answer]) -> Vec<(u32, String)> {
        let text = |outcome: &Outcome| match outcome {
            Outcome::Done(body) => String::from_utf8(body.to_vec()).unwrap(),
            Outcome::Failed(error) => error.code().to_owned(),
            Outcome::Again => "again".to_owned(),
        };
        let shown = answers.iter();
        shown
            .map(|answer| (answer.ticket, text(&answer.outcome)))
            .collect()
    }

    fn all(expected: &[(u32, &str)]) -> Vec<(u32, String)> {
        let all = expected.iter();
        all.map(|(ticket, text)| (*ticket, (*text).to_owned()))
            .collect()
    }

    #[test]
    fn replies_find_their_calls_in_any_order_and_any_pieces() {
        let mut stream = BytesMut::new();
        let (mut lane, ids) = lane(&[LIST, SEND, SEND, SEND]);
        call::encode_result(Some(&Json::made("[1]".to_owned())), &ids[1], &mut stream).unwrap();
        call::encode_result(None, &ids[0], &mut stream).unwrap();
        call::encode_error("no", &ids[3], &mut stream).unwrap();
        call::encode_raw("{\"args\":", &ids[2], &mut stream).unwrap();
        call::encode_result(None, "1:unknown", &mut stream).unwrap();
        let mut answers = Vec::new();
        for piece in stream.chunks(7) {
            answers.extend(lane.received(piece).unwrap());
        }
        let expected = [
            (2, "{\"args\":[[1]]}"),
            (1, "{\"args\":[]}"),
            (4, "RPM2_REFUSED"),
            (3, "RPM2_PROTOCOL"),
        ];
        assert_eq!(shown(&answers), all(&expected));
        assert!(lane.end().is_empty());
    }

    #[test]
    fn only_what_changes_nothing_is_asked_again_when_the_connection_is_lost() {
        let (mut lane, _) = lane(&[SEND, LIST, SEND]);
        let expected = [
            (1, "RPM2_DAEMON_LOST"),
            (2, "again"),
            (3, "RPM2_DAEMON_LOST"),
        ];
        assert_eq!(shown(&lane.end()), all(&expected));
        assert!(lane.is_over() && lane.request(4, LIST.0, LIST.1).is_none());
    }

    #[test]
    fn what_a_daemon_that_leaves_has_not_read_is_asked_again_in_its_order() {
        let (mut lane, ids) = lane(&[SEND, SEND, LIST, SEND]);
        let mut stream = BytesMut::new();
        let read = Json::of(&[&ids[1]]);
        call::encode_result(read.as_ref(), FAREWELL, &mut stream).unwrap();
        let answers = lane.received(&stream).unwrap();
        assert_eq!(
            shown(&answers),
            all(&[(1, "again"), (3, "again"), (4, "again")])
        );
        assert!(lane.is_over());
        assert_eq!(shown(&lane.end()), all(&[(2, "RPM2_DAEMON_LOST")]));
    }

    #[test]
    fn what_is_nothing_for_here_is_told() {
        let mut lane = Lane::default();
        assert!(lane.request(1, "start", "[\"a\"]").is_none());
        assert!(lane.request(1, "sendDataToProcessId", "[]").is_none());
        let large = format!("[{{\"data\":\"{}\"}}]", "x".repeat(MESSAGE_LIMIT));
        assert!(lane.request(1, "sendDataToProcessId", &large).is_none());
        assert!(lane.end().is_empty());
        assert!(lane.received(b"\x30").is_err());
    }
}
