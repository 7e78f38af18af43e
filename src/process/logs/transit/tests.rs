//! The daemon dies between any two steps, or inside one, and the next one goes on.

use std::{
    fs::{self, File},
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    super::{file::LogFile, flow::Flow, kind::Kind, outlet::Outlet},
    note::Progress,
    *,
};
use crate::{
    bus::{Bus, Journal},
    slot::StateSlot,
    sys::pipe,
};

pub(super) const ORIGIN: Origin = Origin {
    pm_id: 3,
    kind: Kind::Out,
};

/// What outlives a daemon: the app's pipe, what the keeper keeps, and the files.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) app: Option<File>,
    pub(super) pipe: OwnedFd,
    pub(super) parts: Vec<OwnedFd>,
    slot: StateSlot,
    env: Value,
}

/// Where a daemon dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// The chunk is about to be moved.
    Begun,
    /// It is moved, and its length not noted.
    Moved,
    /// Its length is noted.
    Measured,
    /// So many bytes of it are in the memory.
    Read(usize),
    /// The file of this number is about to be written; with so many bytes already written.
    Writing(usize, usize),
    /// All is written, and that is not noted for the file of this number.
    Written(usize),
    /// Only the end is not noted.
    Delivered,
    /// Not at all.
    Never,
}

const DEATHS: [Death; 15] = [
    Death::Begun,
    Death::Moved,
    Death::Measured,
    Death::Read(0),
    Death::Read(5),
    Death::Read(4096),
    Death::Writing(0, 0),
    Death::Writing(0, 7),
    Death::Writing(0, 4096),
    Death::Written(0),
    Death::Writing(1, 0),
    Death::Writing(1, 7),
    Death::Written(1),
    Death::Delivered,
    Death::Never,
];

impl World {
    pub(super) fn new(env: Value) -> Self {
        let (pipe, app) = descriptor::pipe().unwrap();
        descriptor::set_nonblocking(pipe.as_fd()).unwrap();
        descriptor::enlarge_pipe(&app, PIPE);
        Self {
            folder: tempfile::tempdir().unwrap(),
            app: Some(app.into()),
            pipe,
            parts: Transit::create().unwrap().parts().unwrap(),
            slot: StateSlot::create("test").unwrap(),
            env,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn transit(&self) -> Transit {
        let parts: Vec<OwnedFd> = self
            .parts
            .iter()
            .map(|part| part.try_clone().unwrap())
            .collect();
        Transit::resume(parts.try_into().unwrap()).unwrap()
    }

    fn file(&self, name: &str) -> LogFile {
        LogFile::open(self.path(name).to_str().unwrap()).unwrap()
    }

    fn outlet(&self) -> Outlet {
        let slot = StateSlot::open(self.slot.as_fd().try_clone_to_owned().unwrap());
        let env = self.env.as_object().unwrap();
        let journal = Journal::open(self.path("pm2.log"), Bus::new()).unwrap();
        let both = Some(self.file("both"));
        Outlet::new(env, both, Arc::new(slot), Bus::new(), journal)
    }

    fn say(&mut self, text: &[u8]) {
        self.app.as_mut().unwrap().write_all(text).unwrap();
    }

    /// Reads one chunk, or the end, and dies there.
    pub(super) fn live(&self, death: Death) -> bool {
        let (transit, mut outlet, mut file) = (self.transit(), self.outlet(), self.file("out"));
        let mut flow = outlet.flow(Kind::Out);
        let number = flow.to_number();
        match death {
            Death::Begun | Death::Moved | Death::Measured | Death::Read(_) => {
                let Way::Kept(kept) = &mut *transit.lock() else {
                    panic!("kept")
                };
                die_while_reading(kept, &self.pipe, number, death);
                true
            }
            _ => {
                let carried = dying(|| {
                    transit.carry(&self.pipe, ORIGIN, number, |bytes, ledger| {
                        self.deliver(&mut outlet, bytes, &mut file, &mut flow, ledger, death);
                    })
                });
                match carried {
                    Some(Ok(count)) => count > 0,
                    // A child that another test is forking has the app's end open for a moment, too.
                    Some(Err(error)) => error.kind() == io::ErrorKind::WouldBlock,
                    None => true,
                }
            }
        }
    }

    /// Brings what a daemon left behind to its end, or dies as well. Later than it, as dates show.
    pub(super) fn settle(&self, death: Death) {
        let now = || Timestamp::now().as_millisecond();
        let before = now();
        while now() == before {
            std::thread::yield_now();
        }
        let (transit, mut outlet, mut file) = (self.transit(), self.outlet(), self.file("out"));
        transit
            .settle(4, |_, _, _, _| panic!("another process's"))
            .unwrap();
        dying(|| {
            transit.settle(ORIGIN.pm_id, |origin, flow, bytes, ledger| {
                assert_eq!(origin, ORIGIN);
                let mut flow = Flow::from_number(flow);
                self.deliver(&mut outlet, bytes, &mut file, &mut flow, ledger, death);
            })
        });
    }

    fn deliver(
        &self,
        outlet: &mut Outlet,
        bytes: &[u8],
        file: &mut LogFile,
        flow: &mut Flow,
        ledger: &Ledger<'_>,
        death: Death,
    ) {
        let note = ledger.note.unwrap();
        let files = [self.file("out"), self.file("both")];
        let before = files.map(|file| file.place().unwrap());
        let progress = [note.progress(0), note.progress(1)];
        outlet.pass(ORIGIN.kind, bytes, file, flow, ledger, false);
        let (index, count) = match death {
            Death::Never => return,
            Death::Writing(index, count) => (index, count as u64),
            Death::Written(index) => (index, u64::MAX),
            _ => resume_unwind(Box::new("dead")),
        };
        // Back to where it died: nothing that is done later had been done.
        let begun = match progress[index] {
            Progress::Ahead => Some(before[index]),
            Progress::Begun(place) => place,
            Progress::Done => None,
        };
        if let Some(place) = begun {
            note.set_progress(index, Progress::Begun(Some(place)));
            let end = place.end.saturating_add(count);
            self.cut(["out", "both"][index], end.max(before[index].end));
        }
        if index == 0 {
            note.set_progress(1, progress[1]);
            self.cut("both", before[1].end);
        }
        resume_unwind(Box::new("dead"));
    }

    fn cut(&self, name: &str, end: u64) {
        let file = File::options().write(true).open(self.path(name)).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(end.min(length)).unwrap();
    }

    /// Reads until the app's end with no more deaths.
    pub(super) fn finish(&mut self) {
        self.settle(Death::Never);
        drop(self.app.take());
        while self.live(Death::Never) {}
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.path(name)).unwrap()).unwrap()
    }
}

/// What the closure gives, unless it dies.
fn dying<T>(body: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => Some(result),
        Err(death) if death.is::<&str>() && death.downcast_ref() == Some(&"dead") => None,
        Err(failure) => resume_unwind(failure),
    }
}

fn die_while_reading(kept: &mut Kept, pipe: &OwnedFd, flow: u64, death: Death) {
    match death {
        Death::Begun => kept.note().begin(ORIGIN, flow),
        Death::Moved => {
            kept.note().begin(ORIGIN, flow);
            pipe::transfer(pipe, &kept.into, CHUNK.get()).unwrap();
        }
        _ => {
            let count = kept.take(pipe, ORIGIN, flow).unwrap();
            if let Death::Read(some) = death {
                kept.fill(0, some.min(count)).unwrap();
            }
        }
    }
}

/// Lines of different lengths, so that no two chunks are alike.
pub(super) fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.fold(String::new(), |text, number| {
        text + &format!("line {number} {}é\n", "x".repeat(number % 50))
    })
}

#[test]
fn whenever_it_dies_and_dies_again_every_byte_is_in_both_files_once() {
    for first in DEATHS {
        for second in DEATHS {
            let mut world = World::new(json!({}));
            world.say(lines(0..10).as_bytes());
            world.live(Death::Never);
            world.say(lines(10..500).as_bytes());
            world.live(first);
            world.settle(second);
            world.say(lines(500..600).as_bytes());
            world.settle(Death::Never);
            world.live(second);
            world.finish();
            assert!(world.text("out") == lines(0..600), "{first:?}, {second:?}");
            assert!(world.text("both") == lines(0..600), "{first:?}, {second:?}");
        }
    }
}

#[test]
fn a_line_and_a_character_cut_by_the_death_are_dated_once_and_whole() {
    for death in DEATHS {
        let mut world = World::new(json!({ "log_date_format": "HH:mm:ss.SSS", "pm_id": 3 }));
        world.say("one\ntwo, caf".as_bytes());
        world.live(Death::Never);
        world.say(&"é\nthree".as_bytes()[..1]);
        world.live(death);
        world.settle(Death::Never);
        world.say(&"é\nthree".as_bytes()[1..]);
        world.live(death);
        world.settle(death);
        world.finish();
        let text = world.text("out");
        let undated: Vec<&str> = text
            .lines()
            .map(|line| &line["07:08:09.012: ".len()..])
            .collect();
        assert_eq!(undated, ["one", "two, café", "three"], "{death:?}: {text}");
        assert_eq!(world.text("both"), text, "{death:?}");
    }
}

#[test]
fn json_lines_are_written_once() {
    for death in DEATHS {
        let mut world = World::new(json!({ "log_type": "json", "pm_id": 3, "name": "app" }));
        for text in ["one\n", "two\n", "three\n"] {
            world.say(text.as_bytes());
            world.live(death);
            world.settle(death);
            world.settle(Death::Never);
        }
        world.finish();
        let text = world.text("out");
        let said = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].clone());
        let said: String = said
            .map(|message| message.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(said, "one\ntwo\nthree\n", "{death:?}: {text}");
    }
}

#[test]
fn what_nobody_claims_is_let_go_of() {
    let mut world = World::new(json!({}));
    world.say(b"0123456789");
    world.live(Death::Read(4));
    let transit = world.transit();
    assert!(transit.has_of(3) && !transit.has_of(4));
    assert_eq!(transit.discard(), Some((3, 10)));
    assert_eq!(transit.discard(), None);
    drop(transit);
    world.say(b"next\n");
    world.finish();
    assert_eq!(world.text("out"), "next\n");
}

#[test]
fn notes_that_make_no_sense_are_an_error_and_do_not_stop_what_follows() {
    let mut world = World::new(json!({}));
    world.say(b"lost");
    world.live(Death::Measured);
    let transit = world.transit();
    if let Way::Kept(kept) = &*transit.lock() {
        kept.note().set_length(usize::MAX);
    }
    let failed = transit.settle(3, |_, _, _, _| panic!("nothing can be told"));
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidData);
    transit.discard();
    drop(transit);
    world.say(b"next\n");
    world.finish();
    assert_eq!(world.text("out"), "next\n");
}
