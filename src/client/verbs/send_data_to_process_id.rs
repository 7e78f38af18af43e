//! `sendDataToProcessId`: a message to an app.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{Session, VerbResult};
use crate::{client::ClientError, protocol::members};

/// Sends a packet.
pub(super) async fn send_data_to_process_id(
    session: &Session,
    args: &[Box<RawValue>],
) -> VerbResult {
    let args: Vec<&RawValue> = args.iter().map(AsRef::as_ref).collect();
    let packet = packet(&args).ok_or_else(usage)?;
    session.call("sendDataToProcessId", &[&packet]).await
}

/// `(packet)` with an `id` in it, or `(id, packet)`: the id is then put into the packet. Its other members go as they
/// are.
pub(super) fn packet<'a>(args: &[&'a RawValue]) -> Option<Cow<'a, str>> {
    match args {
        [packet] => Some(packet.get().into()),
        [id, packet, ..] => members::with_member(packet.get(), "id", id.get()).map(Cow::from),
        [] => None,
    }
}

fn usage() -> ClientError {
    ClientError::Usage(
        "sendDataToProcessId expects (id, packet) or (packet), the packet an object".to_owned(),
    )
}
