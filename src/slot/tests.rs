//! Slots that are cut, damaged and abandoned.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::*;

fn copy(slot: &StateSlot) -> StateSlot {
    StateSlot::open(slot.as_fd().try_clone_to_owned().unwrap())
}

#[test]
fn the_last_content_is_read_whatever_the_sizes() {
    let slot = StateSlot::create("test").unwrap();
    assert_eq!(slot.read(), None);
    let sizes = [
        0, 1, 5000, 100, 70_000, 0, 1_000_000, 3, 1_000_000, 2_000_000, 10, 10, 10,
    ];
    let mut slots = [copy(&slot), slot];
    for (size, fill) in sizes.into_iter().zip(1..) {
        let content = vec![fill; size];
        // Writers take turns, as daemons do.
        slots.swap(0, 1);
        slots[0] = copy(&slots[1]);
        slots[0].write(&content).unwrap();
        assert_eq!(slots[0].read().as_ref(), Some(&content));
        assert_eq!(slots[1].read().as_ref(), Some(&content));
    }
    let long = slots[0].file.metadata().unwrap().len();
    assert!(long < 1_000_000, "{long} bytes are held for 10");
}

#[test]
fn a_slot_does_not_grow_with_the_number_of_writes() {
    let slot = StateSlot::create("test").unwrap();
    for round in 0..200_u8 {
        slot.write(&vec![round; 10_000 + usize::from(round)])
            .unwrap();
    }
    assert!(slot.file.metadata().unwrap().len() < 50_000);
}

#[test]
fn too_much_is_refused_and_the_old_content_stays() {
    let slot = StateSlot::create("test").unwrap();
    slot.write(b"old").unwrap();
    let error = slot.write(&vec![0; SLOT_LIMIT + 1]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(slot.read().unwrap(), b"old");
}

#[test]
fn the_note_is_apart() {
    let slot = StateSlot::create("test").unwrap();
    assert!(!slot.noted());
    slot.note(true).unwrap();
    slot.write(b"content").unwrap();
    assert!(copy(&slot).noted());
    slot.note(false).unwrap();
    assert!(!copy(&slot).noted());
    assert_eq!(slot.read().unwrap(), b"content");
}

#[test]
fn numbers_are_apart_too() {
    let slot = StateSlot::create("test").unwrap();
    assert_eq!((slot.number(0), slot.number(1)), (Some(0), Some(0)));
    slot.set_number(1, u64::MAX).unwrap();
    slot.write(b"content").unwrap();
    slot.set_number(0, 5).unwrap();
    let copy = copy(&slot);
    assert_eq!((copy.number(0), copy.number(1)), (Some(5), Some(u64::MAX)));
    assert_eq!(copy.read().unwrap(), b"content");
}

/// Two contents written, and the file's bytes.
fn written() -> (StateSlot, Vec<u8>) {
    let slot = StateSlot::create("test").unwrap();
    slot.write(b"the older content").unwrap();
    slot.write(b"the newer content").unwrap();
    let mut bytes = vec![0; usize::try_from(slot.file.metadata().unwrap().len()).unwrap()];
    slot.file.read_exact_at(&mut bytes, 0).unwrap();
    (slot, bytes)
}

/// Only what was written is ever read.
fn check(slot: &StateSlot, what: &str) -> Option<Vec<u8>> {
    let content = copy(slot).read();
    let known = [b"the older content", b"the newer content"];
    if let Some(content) = &content {
        assert!(known.iter().any(|known| content == known), "{what}");
    }
    content
}

#[test]
fn however_it_is_cut_a_whole_content_or_none_is_read() {
    let (slot, bytes) = written();
    let mut found = 0;
    for end in (0..bytes.len()).rev() {
        slot.file.set_len(end as u64).unwrap();
        found += usize::from(check(&slot, &format!("cut at {end}")).is_some());
    }
    assert_eq!(found, 17, "while only the newer content was cut");
    copy(&slot).write(b"the newer content").unwrap();
    assert!(check(&slot, "written again").is_some());
}

#[test]
fn whatever_byte_changes_a_whole_content_or_none_is_read() {
    let (slot, bytes) = written();
    for (place, byte) in bytes.iter().enumerate() {
        let place = place as u64;
        let used = place < 8 || (64..160).contains(&place) || place >= CONTENTS;
        for changed in [byte ^ 1, byte ^ 0x80, !byte] {
            slot.file.write_all_at(&[changed], place).unwrap();
            let content = check(&slot, &format!("byte {place}"));
            assert!(content.is_some() || place < 8, "byte {place}");
            if !used {
                assert_eq!(content.unwrap(), b"the newer content");
            }
        }
        slot.file.write_all_at(&[*byte], place).unwrap();
    }
    assert_eq!(check(&slot, "restored").unwrap(), b"the newer content");
}

#[test]
fn lengths_beyond_reason_are_not_believed() {
    let (slot, _) = written();
    for number in [u64::MAX, 1 << 40, SLOT_LIMIT as u64, 0] {
        for header in HEADERS {
            for field in [8, 16] {
                let (old, _) = written();
                let bytes = number.to_le_bytes();
                old.file.write_all_at(&bytes, header + field).unwrap();
                check(&old, &format!("{number} at {header} + {field}"));
            }
        }
    }
    assert!(slot.read().is_some());
}

const LOOP: &str = "RPM2_TEST_SLOT";

/// Does nothing unless the test below starts it: then it writes into the slot at that path until it is killed.
#[test]
fn writes_forever_when_told() {
    let Some(path) = std::env::var_os(LOOP) else {
        return;
    };
    let file = File::options().read(true).write(true).open(path).unwrap();
    let slot = StateSlot::open(file.into());
    for round in 0_u32.. {
        let size = 100_000 + (round.wrapping_mul(7919) % 900_000) as usize;
        let mut content = vec![round.to_le_bytes()[0]; size];
        content[..4].copy_from_slice(&round.to_le_bytes());
        slot.write(&content).unwrap();
    }
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_whole_content() {
    let slot = StateSlot::create("test").unwrap();
    let path = format!(
        "/proc/{}/fd/{}",
        std::process::id(),
        crate::sys::descriptor::number(&slot.file)
    );
    for kill in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "slot::tests::writes_forever_when_told"])
            .env(LOOP, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Until it writes, and then a moment that differs each time.
        let deadline = Instant::now() + Duration::from_secs(20);
        let before = slot.header(0);
        while slot.header(0) == before {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        let moment = Instant::now() + Duration::from_micros(kill * 731);
        while Instant::now() < moment {}
        child.kill().unwrap();
        child.wait().unwrap();
        let content = copy(&slot).read().expect("a whole content");
        let mut round = [0; 4];
        round.copy_from_slice(&content[..4]);
        assert!(content[4..].iter().all(|byte| *byte == round[0]));
    }
}
