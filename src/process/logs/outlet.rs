//! What both streams of an app share: how their output is formatted, and where it goes.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    file::{LogFile, Trouble},
    flow::Flow,
    format::Format,
    kind::Kind,
    transit::{Ledger, Origin},
};
use crate::{
    bus::{Bus, Journal},
    process::record::Pm2Env,
    slot::StateSlot,
};

pub(super) struct Outlet {
    both: Option<LogFile>,
    format: Format,
    pm_id: u32,
    identity: Value,
    bus: Bus,
    journal: Journal,
    /// Where the streams' flow is noted for a later daemon; `None` if that has no use for it.
    slot: Option<Arc<StateSlot>>,
}

impl Outlet {
    pub(super) fn new(
        env: &Pm2Env,
        both: Option<LogFile>,
        slot: Arc<StateSlot>,
        bus: Bus,
        journal: Journal,
    ) -> Self {
        let pm_id = env.get("pm_id").and_then(Value::as_u64);
        Self {
            both,
            format: Format::of(env),
            pm_id: pm_id.and_then(|id| u32::try_from(id).ok()).unwrap_or(0),
            identity: identity(env),
            bus,
            journal,
            slot: Some(slot),
        }
    }

    /// Whose the output of this stream is.
    pub(super) fn origin(&self, kind: Kind) -> Origin {
        let pm_id = self.pm_id;
        Origin { pm_id, kind }
    }

    /// Done when the bus has room.
    pub(super) async fn room(&self) {
        self.bus.room().await;
    }

    /// Where a stream was when the daemon before us died.
    pub(super) fn flow(&self, kind: Kind) -> Flow {
        let noted = self.slot.as_ref().and_then(|slot| slot.number(kind as u8));
        Flow::from_number(noted.unwrap_or(0))
    }

    /// From now on what the streams say is of no use to a later daemon.
    pub(super) fn forget_flow(&mut self) {
        self.slot = None;
    }

    /// Into the files, byte for byte unless a format asks for text; the text for the bus, if anybody is `listening`.
    pub(super) fn pass(
        &mut self,
        kind: Kind,
        bytes: &[u8],
        file: &mut LogFile,
        flow: &mut Flow,
        ledger: &Ledger<'_>,
        listening: bool,
    ) -> Option<String> {
        let before = flow.to_number();
        let text = if self.format == Format::Plain {
            self.write(bytes, file, ledger);
            if listening {
                Some(flow.carry.text(bytes))
            } else {
                *flow = Flow::default();
                None
            }
        } else {
            let text = flow.carry.text(bytes);
            let text = self.format(kind, &text, flow, ledger);
            self.write(text.as_bytes(), file, ledger);
            Some(text).filter(|_| listening)
        };
        if flow.to_number() != before {
            self.note_flow(kind, flow);
        }
        text
    }

    /// What is left of a stream at its end: no character, but the app has written it.
    pub(super) fn finish(&mut self, kind: Kind, file: &mut LogFile, flow: &mut Flow) {
        let rest = flow.carry.finish();
        if rest.is_empty() {
            return;
        }
        let mut text = rest;
        if self.format != Format::Plain {
            let ledger = Ledger::none();
            text = self.format(kind, &text, flow, &ledger);
            self.write(text.as_bytes(), file, &ledger);
        }
        self.publish(kind, &text);
    }

    fn format(&self, kind: Kind, text: &str, flow: &mut Flow, ledger: &Ledger<'_>) -> String {
        self.format
            .apply(text, kind.name(), &mut flow.begun, &ledger.moment())
    }

    pub(super) fn note_flow(&self, kind: Kind, flow: &Flow) {
        let Some(slot) = &self.slot else { return };
        if let Err(error) = slot.set_number(kind as u8, flow.to_number()) {
            self.journal.error(format!(
                "cannot note where the output of process {} is: {error}",
                self.pm_id
            ));
        }
    }

    fn write(&mut self, bytes: &[u8], file: &mut LogFile, ledger: &Ledger<'_>) {
        let files = [Some(file), self.both.as_mut()].into_iter().enumerate();
        for (index, file) in files.filter_map(|(index, file)| Some((index, file?))) {
            let rest = ledger.rest(index, file, bytes);
            let trouble = file.write(rest);
            ledger.written(index);
            let Some(trouble) = trouble else { continue };
            let path = file.path().display();
            self.journal.error(match trouble {
                Trouble::Began(error) => {
                    format!("cannot write {path}: {error}; output is lost until this is mended")
                }
                Trouble::Ended(lost) => {
                    format!("writing {path} works again; {lost} bytes were lost")
                }
            });
        }
    }

    /// Whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        self.bus.has_subscribers()
    }

    pub(super) fn publish(&self, kind: Kind, text: &str) {
        let payload = json!({ "process": self.identity, "at": Timestamp::now().as_millisecond(), "data": text });
        self.bus.publish(
            &format!("log:{}", kind.name()),
            &[payload.to_string().as_bytes()],
        );
    }

    /// Opens the files again: these, and that of both.
    pub(super) fn reopen(&mut self, files: [&mut LogFile; 2]) {
        for file in files.into_iter().chain(self.both.as_mut()) {
            if let Err(error) = file.reopen() {
                self.journal
                    .error(format!("cannot reopen {}: {error}", file.path().display()));
            }
        }
    }
}

/// The `process` member of log events.
fn identity(env: &Pm2Env) -> Value {
    let of = |key: &str| env.get(key).cloned().unwrap_or_default();
    let revision = env
        .get("versioning")
        .and_then(|versioning| versioning.get("revision"))
        .cloned();
    json!({ "pm_id": of("pm_id"), "name": of("name"), "rev": revision, "namespace": of("namespace") })
}
