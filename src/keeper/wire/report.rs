//! What the keeper tells the daemon.

use super::{Reader, WireError, Writer};
use crate::{
    keeper::table::{App, Ended},
    sys::proc::Exit,
};

/// One message of the keeper.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The request is done.
    Done,
    /// The request failed; nothing of it remains.
    Failed {
        /// [`crate::sys::spawn::Step`] as number.
        step: u8,
        /// The system's error number; 0 if `text` says it.
        errno: i32,
        /// What went wrong, if it is no error of the system.
        text: Box<str>,
    },
    /// The app runs. Descriptor: its pidfd, if the system has such.
    Spawned { pid: i32, serial: u64 },
    /// An app has ended.
    Exit(Ended),
    /// Inventory: names of the descriptors that came with it, in their order.
    Kept(Vec<Box<str>>),
    /// Inventory: living apps, and whether one of the descriptors, in their order, is its pidfd.
    Alive(Vec<(App, bool)>),
    /// The inventory is complete.
    Complete {
        /// How many daemons there were before.
        generation: u32,
    },
    /// The copy that was asked for. Descriptor: it.
    Copied,
}

impl Report {
    /// Kind and payload.
    pub(crate) fn encode(&self) -> (u8, Vec<u8>) {
        let mut writer = Writer::default();
        let kind = match self {
            Self::Done => 1,
            Self::Failed { step, errno, text } => {
                writer.u8(*step).i32(*errno).bytes(text.as_bytes());
                2
            }
            Self::Spawned { pid, serial } => {
                writer.i32(*pid).u64(*serial);
                3
            }
            Self::Exit(ended) => {
                write_exit(&mut writer, ended);
                4
            }
            Self::Kept(names) => {
                writer.count(names.len());
                for name in names {
                    writer.bytes(name.as_bytes());
                }
                5
            }
            Self::Alive(apps) => {
                writer.count(apps.len());
                for (app, has_handle) in apps {
                    writer.bytes(app.key.as_bytes());
                    writer.i32(app.pid).u64(app.serial).u8((*has_handle).into());
                }
                6
            }
            Self::Complete { generation } => {
                writer.u32(*generation);
                7
            }
            Self::Copied => 8,
        };
        (kind, writer.finish())
    }

    /// Reads a message that came with so many descriptors.
    pub(crate) fn decode(kind: u8, payload: &[u8], descriptors: usize) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        let report = match kind {
            1 => Self::Done,
            2 => Self::Failed {
                step: reader.u8()?,
                errno: reader.i32()?,
                text: reader.text()?.into(),
            },
            3 => Self::Spawned {
                pid: reader.i32()?,
                serial: reader.u64()?,
            },
            4 => Self::Exit(read_exit(&mut reader)?),
            5 => {
                let count = reader.count(4)?;
                Self::Kept(
                    (0..count)
                        .map(|_| reader.name())
                        .collect::<Result<_, _>>()?,
                )
            }
            6 => {
                let count = reader.count(4)?;
                Self::Alive(
                    (0..count)
                        .map(|_| read_app(&mut reader))
                        .collect::<Result<_, _>>()?,
                )
            }
            7 => Self::Complete {
                generation: reader.u32()?,
            },
            8 => Self::Copied,
            _ => return Err(WireError::Unknown),
        };
        let fits = match &report {
            Self::Kept(names) => descriptors == names.len(),
            Self::Alive(apps) => descriptors <= apps.iter().filter(|(_, handle)| *handle).count(),
            // A pidfd that is missing is made up for by the number.
            Self::Spawned { .. } => descriptors <= 1,
            Self::Copied => descriptors == 1,
            _ => descriptors == 0,
        };
        fits.then_some(report).ok_or(WireError::Descriptors)
    }
}

fn read_app(reader: &mut Reader<'_>) -> Result<(App, bool), WireError> {
    let app = App {
        key: reader.name()?,
        pid: reader.i32()?,
        serial: reader.u64()?,
    };
    Ok((app, reader.u8()? != 0))
}

pub(crate) fn write_exit(writer: &mut Writer, ended: &Ended) {
    let (kind, value) = match ended.exit {
        Exit::Code(code) => (0, code),
        Exit::Signal(signal) => (1, signal),
    };
    writer
        .bytes(ended.key.as_bytes())
        .i32(ended.pid)
        .u64(ended.serial)
        .u8(kind)
        .i32(value)
        .i64(ended.at_ms);
}

pub(crate) fn read_exit(reader: &mut Reader<'_>) -> Result<Ended, WireError> {
    Ok(Ended {
        key: reader.name()?,
        pid: reader.i32()?,
        serial: reader.u64()?,
        exit: match (reader.u8()?, reader.i32()?) {
            (0, code) => Exit::Code(code),
            (1, signal) => Exit::Signal(signal),
            _ => return Err(WireError::Unknown),
        },
        at_ms: reader.i64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_back_and_every_shorter_piece_is_refused() {
        let app = |pid| App {
            key: "p1".into(),
            pid,
            serial: 9,
        };
        let ended = |exit| Ended {
            key: "p1".into(),
            pid: 5,
            serial: 7,
            exit,
            at_ms: -1,
        };
        let failed = Report::Failed {
            step: 4,
            errno: 2,
            text: "no".into(),
        };
        let reports = [
            (failed, 0),
            (Report::Spawned { pid: 5, serial: 7 }, 1),
            (Report::Exit(ended(Exit::Code(-3))), 0),
            (Report::Exit(ended(Exit::Signal(9))), 0),
            (Report::Kept(vec!["rpc".into(), "pub".into()]), 2),
            (Report::Alive(vec![(app(5), true), (app(6), false)]), 1),
            (Report::Complete { generation: 3 }, 0),
        ];
        for (report, descriptors) in reports {
            let (kind, payload) = report.encode();
            for length in 0..payload.len() {
                assert!(Report::decode(kind, &payload[..length], descriptors).is_err());
            }
            let wrong = Report::decode(kind, &payload, descriptors + 2);
            assert_eq!(wrong, Err(WireError::Descriptors));
            assert_eq!(Report::decode(kind, &payload, descriptors).unwrap(), report);
        }
        assert_eq!(Report::decode(1, &[], 0), Ok(Report::Done));
        assert_eq!(Report::decode(8, &[], 1), Ok(Report::Copied));
        assert_eq!(Report::decode(8, &[], 0), Err(WireError::Descriptors));
        assert_eq!(Report::decode(77, &[], 0), Err(WireError::Unknown));
    }
}
