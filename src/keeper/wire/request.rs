//! What the daemon asks of the keeper.

use std::ffi::CString;

use super::{Reader, WireError, Writer};
use crate::sys::spawn::{Owner, Session};

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Hand everything over.
    Hello,
    /// The daemon serves.
    Up,
    /// Start an app. Descriptors: those of the program, then those to keep.
    Spawn(Box<Start>),
    /// Keep the descriptor under this name.
    Keep(Box<str>),
    /// Let go of the name and all names below it.
    Forget(Box<str>),
    /// The exit of the app of this serial number is recorded.
    Acknowledge(u64),
    /// The daemon ends on purpose.
    Finish,
    /// Go on as this executable.
    Update(CString),
    /// Answer with a copy of a descriptor of an app that runs.
    Copy {
        /// The app's process id.
        pid: i32,
        /// The descriptor's number there.
        number: i32,
    },
}

/// What to start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The app's name for the daemon.
    pub(crate) key: Box<str>,
    pub(crate) path: CString,
    pub(crate) argv: Vec<CString>,
    pub(crate) envp: Vec<CString>,
    pub(crate) cwd: CString,
    pub(crate) owner: Option<Owner>,
    pub(crate) session: Session,
    /// How many descriptors the program gets.
    pub(crate) descriptors: usize,
    /// Names under which the descriptors after those are kept.
    pub(crate) keep: Vec<Box<str>>,
}

impl Request {
    /// Kind and payload.
    pub(crate) fn encode(&self) -> (u8, Vec<u8>) {
        let mut writer = Writer::default();
        let kind = match self {
            Self::Hello => 1,
            Self::Up => 2,
            Self::Spawn(start) => {
                start.encode(&mut writer);
                3
            }
            Self::Keep(name) => {
                writer.bytes(name.as_bytes());
                4
            }
            Self::Forget(prefix) => {
                writer.bytes(prefix.as_bytes());
                5
            }
            Self::Acknowledge(serial) => {
                writer.u64(*serial);
                6
            }
            Self::Finish => 7,
            Self::Update(path) => {
                writer.bytes(path.as_bytes());
                8
            }
            Self::Copy { pid, number } => {
                writer.i32(*pid).i32(*number);
                9
            }
        };
        (kind, writer.finish())
    }

    /// Reads a request that came with so many descriptors.
    pub(crate) fn decode(kind: u8, payload: &[u8], descriptors: usize) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        let request = match kind {
            1 => Self::Hello,
            2 => Self::Up,
            3 => Self::Spawn(Box::new(Start::decode(&mut reader)?)),
            4 => Self::Keep(reader.name()?),
            5 => Self::Forget(reader.name()?),
            6 => Self::Acknowledge(reader.u64()?),
            7 => Self::Finish,
            8 => Self::Update(reader.string()?),
            9 => Self::Copy {
                pid: reader.i32()?,
                number: reader.i32()?,
            },
            _ => return Err(WireError::Unknown),
        };
        let wanted = match &request {
            Self::Spawn(start) => start.descriptors.saturating_add(start.keep.len()),
            Self::Keep(_) => 1,
            _ => 0,
        };
        if wanted == descriptors {
            Ok(request)
        } else {
            Err(WireError::Descriptors)
        }
    }
}

/// Marks of a start: an owner follows.
const OWNED: u8 = 1;
/// It stays in the keeper's session.
const SHARED: u8 = 2;

impl Start {
    fn marks(&self) -> u8 {
        let owned = if self.owner.is_some() { OWNED } else { 0 };
        let shared = if self.session == Session::Shared {
            SHARED
        } else {
            0
        };
        owned | shared
    }

    fn encode(&self, writer: &mut Writer) {
        writer
            .bytes(self.key.as_bytes())
            .bytes(self.path.as_bytes())
            .strings(&self.argv)
            .strings(&self.envp)
            .bytes(self.cwd.as_bytes())
            .u8(self.marks());
        if let Some(owner) = &self.owner {
            writer.u32(owner.uid).u32(owner.gid);
            writer.count(owner.groups.len());
            for group in &owner.groups {
                writer.u32(*group);
            }
        }
        writer.count(self.descriptors).count(self.keep.len());
        for name in &self.keep {
            writer.bytes(name.as_bytes());
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let (key, path) = (reader.name()?, reader.string()?);
        let (argv, envp) = (reader.strings()?, reader.strings()?);
        let cwd = reader.string()?;
        let marks = reader.u8()?;
        let owner = (marks & OWNED != 0)
            .then(|| decode_owner(reader))
            .transpose()?;
        Ok(Self {
            key,
            path,
            argv,
            envp,
            cwd,
            owner,
            session: if marks & SHARED == 0 {
                Session::Own
            } else {
                Session::Shared
            },
            descriptors: usize::try_from(reader.u32()?).unwrap_or(usize::MAX),
            keep: {
                let count = reader.count(4)?;
                (0..count)
                    .map(|_| reader.name())
                    .collect::<Result<_, _>>()?
            },
        })
    }
}

fn decode_owner(reader: &mut Reader<'_>) -> Result<Owner, WireError> {
    Ok(Owner {
        uid: reader.u32()?,
        gid: reader.u32()?,
        groups: {
            let count = reader.count(4)?;
            (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn c(text: &str) -> CString {
        CString::new(text).unwrap()
    }

    fn start() -> Start {
        Start {
            key: "p12".into(),
            path: c("/bin/sh"),
            argv: vec![c("sh"), c("")],
            envp: vec![c("A=1")],
            cwd: c("/"),
            owner: Some(Owner {
                uid: 1,
                gid: 2,
                groups: vec![3, 4],
            }),
            session: Session::Shared,
            descriptors: 4,
            keep: vec!["p12/out".into()],
        }
    }

    #[test]
    fn requests_come_back_and_every_shorter_piece_is_refused() {
        let requests = [
            (Request::Spawn(Box::new(start())), 5),
            (Request::Keep("rpc".into()), 1),
            (Request::Forget("p1".into()), 0),
            (Request::Acknowledge(u64::MAX), 0),
            (Request::Update(c("/x")), 0),
            (Request::Copy { pid: 7, number: 3 }, 0),
        ];
        for (request, descriptors) in requests {
            let (kind, payload) = request.encode();
            for length in 0..payload.len() {
                let cut = Request::decode(kind, &payload[..length], descriptors);
                assert!(cut.is_err(), "{request:?} cut to {length}: {cut:?}");
            }
            let wrong = Request::decode(kind, &payload, descriptors + 1);
            assert_eq!(wrong, Err(WireError::Descriptors));
            assert_eq!(
                Request::decode(kind, &payload, descriptors).unwrap(),
                request
            );
        }
        for request in [Request::Hello, Request::Up, Request::Finish] {
            let (kind, payload) = request.encode();
            assert_eq!(Request::decode(kind, &payload, 0).unwrap(), request);
        }
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_panic() {
        let (_, payload) = Request::Spawn(Box::new(start())).encode();
        for index in 0..payload.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = payload.clone();
                broken[index] = value;
                for kind in 0..=12 {
                    let _ = Request::decode(kind, &broken, 5);
                }
            }
        }
        let long = Request::Keep("x".repeat(256).into()).encode().1;
        assert_eq!(Request::decode(4, &long, 1), Err(WireError::Name));
        assert_eq!(Request::decode(99, &[], 0), Err(WireError::Unknown));
    }
}
