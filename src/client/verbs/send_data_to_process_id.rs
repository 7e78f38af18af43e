//! `sendDataToProcessId`: a message to an app.

use serde_json::value::RawValue;

use super::{Session, VerbResult};
use crate::{client::ClientError, protocol::members};

/// `(packet)` with an `id` in it, or `(id, packet)`: the id is then put into the packet. Its other members go as they
/// are.
pub(super) async fn send_data_to_process_id(
    session: &Session,
    args: &[Box<RawValue>],
) -> VerbResult {
    let packet = match args {
        [packet] => packet.get().to_owned(),
        [id, packet, ..] => members::with_member(packet.get(), "id", id.get()).ok_or_else(usage)?,
        [] => return Err(usage()),
    };
    session.call("sendDataToProcessId", &[&packet]).await
}

fn usage() -> ClientError {
    ClientError::Usage(
        "sendDataToProcessId expects (id, packet) or (packet), the packet an object".to_owned(),
    )
}
