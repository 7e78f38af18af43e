//! What a daemon that died had in hand of an app's output, brought to its end before anything else of the app is read.

use std::sync::Arc;

use super::{LogFiles, flow::Flow, kind::Kind, outlet::Outlet};
use crate::{
    process::{outlet::Surroundings, record::Pm2Env},
    slot::StateSlot,
};

/// Writes what is missing of it into the files; the bus has it once it is listened to again.
pub(crate) fn settle(
    pm_id: u32,
    env: &Pm2Env,
    files: LogFiles,
    slot: &Arc<StateSlot>,
    around: &Surroundings,
) {
    let (mut out, mut err, both) = files;
    let mut outlet = Outlet::new(
        env,
        both,
        Arc::clone(slot),
        around.bus.clone(),
        around.journal.clone(),
    );
    let mut said = None;
    let settled = around.transit.settle(pm_id, |origin, flow, bytes, ledger| {
        let kind = origin.kind;
        let file = match kind {
            Kind::Out => &mut out,
            Kind::Err => &mut err,
        };
        let mut flow = Flow::from_number(flow);
        let text = outlet.pass(kind, bytes, file, &mut flow, ledger, true);
        said = text.map(|text| (kind, text));
    });
    if let Err(error) = settled {
        around.journal.error(format!(
            "output of process {pm_id} that the daemon before this one had read is lost: {error}"
        ));
    }
    if let Some((kind, text)) = said.filter(|(_, text)| !text.is_empty()) {
        let listening = around.listening.clone();
        tokio::spawn(async move {
            listening.cancelled().await;
            outlet.publish(kind, &text);
        });
    }
}
