//! The daemon is killed while it carries output, again and again.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Ledger, Transit,
    tests::{Death, ORIGIN, World, lines},
};
use crate::{
    process::logs::file::LogFile,
    sys::{descriptor, pipe},
};

const LOOP: &str = "RPM2_TEST_TRANSIT";

/// Does nothing unless the test below starts it: then it is the daemon of the world at that place, until it is killed.
#[test]
fn carries_forever_when_told() {
    let Some(place) = std::env::var_os(LOOP) else {
        return;
    };
    let place = Path::new(&place);
    let open = |name: &str, read: bool, write: bool| -> OwnedFd {
        let path = fs::read_to_string(place.join(name)).unwrap();
        let file = File::options().read(read).write(write).open(path).unwrap();
        file.into()
    };
    let parts = [
        open("part0", true, true),
        open("part1", true, false),
        open("part2", false, true),
    ];
    let (transit, pipe) = (Transit::resume(parts).unwrap(), open("pipe", true, false));
    let mut log = LogFile::open(place.join("out").to_str().unwrap()).unwrap();
    let mut write = |bytes: &[u8], ledger: &Ledger<'_>| {
        let rest = ledger.rest(0, &log, bytes);
        assert!(log.write(rest).is_none());
        ledger.written(0);
    };
    let settled = transit.settle(3, |_, _, bytes, ledger| write(bytes, ledger));
    settled.unwrap();
    fs::write(place.join("alive"), "").unwrap();
    loop {
        match transit.carry(&pipe, ORIGIN, 0, &mut write) {
            Ok(count) => assert!(count > 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
}

/// Starts it.
fn daemon(world: &World) -> std::process::Child {
    let me = std::process::id();
    let name = |fd: &OwnedFd| format!("/proc/{me}/fd/{}", descriptor::number(fd));
    for (index, part) in world.parts.iter().enumerate() {
        fs::write(world.path(&format!("part{index}")), name(part)).unwrap();
    }
    fs::write(world.path("pipe"), name(&world.pipe)).unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "process::logs::transit::kill_tests::carries_forever_when_told",
        ])
        .env(LOOP, world.folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn daemons_killed_at_any_moment_lose_and_double_nothing() {
    let mut world = World::new(json!({}));
    let mut app = world.app.take().unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let done = Arc::clone(&done);
        std::thread::spawn(move || {
            let mut count = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                app.write_all(lines(count..count + 7).as_bytes()).unwrap();
                count += 7;
            }
            count
        })
    };
    for kill in 0..25 {
        let mut child = daemon(&world);
        let deadline = Instant::now() + Duration::from_secs(20);
        while fs::remove_file(world.path("alive")).is_err() {
            assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        let moment = Instant::now() + Duration::from_micros(kill * 531);
        while Instant::now() < moment {}
        child.kill().unwrap();
        child.wait().unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    // It may wait for room in the pipe.
    while !writer.is_finished() {
        world.settle(Death::Never);
        if pipe::waiting(&world.pipe).unwrap() > 0 {
            world.live(Death::Never);
        }
    }
    let count = writer.join().unwrap();
    world.finish();
    assert!(count > 1000, "{count}");
    assert!(world.text("out") == lines(0..count));
}
