//! `sendDataToProcessId`: a message to an app. The packet is not parsed beyond its first level.

use bytes::Bytes;
use serde_json::Value;

use super::{CallResult, find, shown};
use crate::{
    daemon::{batch::Batch, context::Daemon},
    process::Status,
    protocol::{
        json::Json,
        members::{is_truthy, pick},
    },
};

pub(super) fn answer(daemon: &Daemon, packet: Bytes, batch: &mut Batch) -> CallResult {
    let [id, data, topic] = pick(&packet, ["id", "data", "topic"]);
    let (Some(id), Some(_), true) = (id, data, is_truthy(topic)) else {
        return Err("ID, DATA or TOPIC field is missing".to_owned());
    };
    let id: Value = serde_json::from_slice(id).unwrap_or_default();
    let process =
        find(daemon, &id).ok_or_else(|| format!("Process with ID <{}> unknown.", shown(&id)))?;
    let online = matches!(process.record().status, Status::Online | Status::Launching);
    if !online {
        return Err(format!("Process with ID <{}> offline.", shown(&id)));
    }
    batch
        .send(&process, &packet)
        .map_err(|error| error.to_string())?;
    let [head, tail] = [&b"{\"success\":true,\"data\":"[..], b"}"].map(Bytes::from_static);
    Ok(Some(Json::of_pieces([head, packet, tail])))
}
