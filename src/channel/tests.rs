//! The channel against a child whose every byte the test writes and reads itself.

use std::{io::IoSlice, os::fd::AsFd, time::Duration};

use super::*;
use crate::sys::descriptor;

/// The child's end.
struct Child(OwnedFd);

impl Child {
    /// What one read gives: the bytes, and how many descriptors came.
    fn read(&self) -> Option<(String, usize)> {
        let mut buffer = vec![0; 64 * 1024];
        let (count, descriptors) = socket::receive(self.0.as_fd(), &mut buffer).ok()?;
        buffer.truncate(count);
        Some((String::from_utf8(buffer).unwrap(), descriptors.len()))
    }

    /// All reads until nothing is there.
    fn read_all(&self) -> Vec<(String, usize)> {
        std::iter::from_fn(|| self.read()).collect()
    }

    fn write(&self, text: &str) {
        let bytes = [IoSlice::new(text.as_bytes())];
        assert_eq!(
            socket::send(self.0.as_fd(), &bytes, &[]).unwrap(),
            text.len()
        );
    }
}

fn opened() -> (ChannelReader, ChannelSender, Child) {
    let (reader, sender, child) = open().unwrap();
    (reader, sender, Child(child))
}

fn descriptor() -> Arc<OwnedFd> {
    Arc::new(descriptor::pipe().unwrap().0)
}

/// Lets the reader take what the child wrote, which must end with the message `0`.
async fn read_answers(reader: &mut ChannelReader) -> Vec<ChannelEvent> {
    let mut events = Vec::new();
    loop {
        match reader.next().await {
            ChannelEvent::Message(body) if &body[..] == b"0" => return events,
            event => events.push(event),
        }
    }
}

#[tokio::test]
async fn what_is_sent_later_waits_for_the_flush_or_for_another_message_and_keeps_its_place() {
    let (_reader, sender, child) = opened();
    sender.send_later(&[b"1"]).unwrap();
    sender.send_later(&[b"[", b"2]"]).unwrap();
    assert_eq!(child.read_all(), []);
    sender.flush();
    assert_eq!(child.read_all(), [("1\n[2]\n".to_owned(), 0)]);
    sender.send_later(&[b"3"]).unwrap();
    sender.send(&[b"4"]).unwrap();
    assert_eq!(child.read_all(), [("3\n4\n".to_owned(), 0)]);
    sender.flush();
    let large = vec![b'1'; crate::protocol::MESSAGE_LIMIT + 1];
    let refused = sender.send_later(&[&large]).unwrap_err();
    assert!(matches!(refused, ChannelError::TooLarge { .. }));
    sender.close();
    assert_eq!(
        sender.send_later(&[b"5"]).unwrap_err(),
        ChannelError::Closed
    );
}

#[tokio::test]
async fn each_socket_goes_alone_with_its_line_and_eight_go_at_once() {
    let (mut reader, sender, child) = opened();
    for n in 0..10 {
        let message = n.to_string();
        sender
            .send_handle(HandleType::Net, message.as_bytes(), descriptor())
            .unwrap();
    }
    let line = |n| format!("{{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{n}}}\n");
    let expected: Vec<_> = (0..8).map(|n| (line(n), 1)).collect();
    assert_eq!(child.read_all(), expected);
    child.write("{\"cmd\":\"NODE_HANDLE_ACK\"}\n{\"cmd\":\"NODE_HANDLE_ACK\"}\n0\n");
    assert!(read_answers(&mut reader).await.is_empty());
    assert_eq!(child.read_all(), [(line(8), 1), (line(9), 1)]);
    assert_eq!(sender.queued_bytes(), 0);
}

#[tokio::test]
async fn after_a_refusal_sockets_go_one_at_a_time_and_the_loss_is_told() {
    let (mut reader, sender, child) = opened();
    let send = || {
        sender
            .send_handle(HandleType::Datagram, b"1", descriptor())
            .unwrap();
    };
    send();
    send();
    assert_eq!(child.read_all().len(), 2);
    child.write("{\"cmd\":\"NODE_HANDLE_NACK\"}\n0\n");
    assert!(
        read_answers(&mut reader).await.is_empty(),
        "one is in flight"
    );
    child.write("{\"cmd\":\"NODE_HANDLE_NACK\"}\n0\n");
    assert!(matches!(
        read_answers(&mut reader).await[..],
        [ChannelEvent::Cluster(ClusterMessage::HandlesLost(
            HandlesLost {
                before: 2,
                certain: true
            }
        ))]
    ));
    for _ in 0..3 {
        send();
    }
    assert_eq!(child.read_all().len(), 1);
    child.write("{\"cmd\":\"NODE_HANDLE_ACK\"}\n0\n");
    read_answers(&mut reader).await;
    assert_eq!(child.read_all().len(), 1);
    child.write("{\"cmd\":\"NODE_HANDLE_NACK\"}\n0\n");
    assert!(matches!(
        read_answers(&mut reader).await[..],
        [ChannelEvent::Cluster(ClusterMessage::HandlesLost(
            HandlesLost {
                before: 4,
                certain: true
            }
        ))]
    ));
    assert_eq!(child.read_all().len(), 1, "the fifth was still to be sent");
}

#[tokio::test]
async fn a_backlog_is_written_in_order_and_gathered() {
    let (_reader, sender, child) = opened();
    let mut count = 0_u32;
    while sender.queued_bytes() < 200_000 {
        sender.send(&[count.to_string().as_bytes()]).unwrap();
        count += 1;
    }
    sender
        .send_handle(HandleType::Net, b"{}", descriptor())
        .unwrap();
    sender.send(&[b"\"after\""]).unwrap();
    let long = "x".repeat(3_000_000);
    sender.send(&[b"\"", long.as_bytes(), b"\""]).unwrap();
    sender.send(&[b"\"last\""]).unwrap();
    let mut text = String::new();
    let mut handles = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !text.ends_with("\"last\"\n") {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} bytes",
            text.len()
        );
        match child.read() {
            Some((piece, 0)) => text.push_str(&piece),
            Some((piece, count)) => {
                assert!(piece.ends_with("\"msg\":{}}\n"));
                handles += count;
                text.push_str(&piece);
            }
            None => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
    let lines: Vec<&str> = text.lines().collect();
    let numbers = u32::try_from(lines.len()).unwrap() - 4;
    assert_eq!((numbers, handles), (count, 1));
    for (line, n) in lines.iter().zip(0..count) {
        assert_eq!(*line, n.to_string());
    }
    let [handle, after, longest, last] = lines[lines.len() - 4..] else {
        panic!("four lines");
    };
    assert!(handle.starts_with("{\"cmd\":\"NODE_HANDLE\""));
    assert_eq!((after, last), ("\"after\"", "\"last\""));
    assert_eq!(longest.len(), long.len() + 2);
}

#[tokio::test]
async fn a_socket_of_the_childs_is_answered_as_it_came() {
    let (mut reader, _sender, child) = opened();
    let line = b"{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":\"x\"}\n";
    socket::send(
        child.0.as_fd(),
        &[IoSlice::new(line)],
        &[descriptor().as_fd()],
    )
    .unwrap();
    match reader.next().await {
        ChannelEvent::Message(body) => assert_eq!(&body[..], b"\"x\""),
        other => panic!("{other:?}"),
    }
    assert_eq!(child.read().unwrap().0, "{\"cmd\":\"NODE_HANDLE_ACK\"}\n");
    // Without its socket it will be sent again.
    child.write(std::str::from_utf8(line).unwrap());
    child.write("0\n");
    assert!(read_answers(&mut reader).await.is_empty());
    assert_eq!(child.read().unwrap().0, "{\"cmd\":\"NODE_HANDLE_NACK\"}\n");
}

#[tokio::test]
async fn raw_newlines_become_spaces_and_a_line_that_is_not_ended_is_no_message() {
    let (mut reader, sender, child) = opened();
    sender.send(&[b"{\n\"a\":", b"\n1}"]).unwrap();
    assert_eq!(child.read().unwrap().0, "{ \"a\": 1}\n");
    child.write("1\n2");
    assert!(matches!(reader.next().await, ChannelEvent::Message(_)));
    drop(child);
    assert!(matches!(reader.next().await, ChannelEvent::Closed));
    assert!(matches!(reader.next().await, ChannelEvent::Closed));
    assert_eq!(sender.send(&[b"1"]), Err(ChannelError::Closed));
}

#[tokio::test]
async fn closing_waits_for_what_was_taken() {
    let (_reader, sender, child) = opened();
    while sender.queued_bytes() < 100_000 {
        sender.send(&[&b"1".repeat(1000)]).unwrap();
    }
    sender.close();
    assert!(!sender.is_open());
    let mut size = 0;
    let end = async {
        loop {
            match child.read() {
                Some((text, _)) if text.is_empty() => return,
                Some((text, _)) => size += text.len(),
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), end)
        .await
        .unwrap();
    assert!(size > 100_000 && size % 1001 == 0, "{size}");
}

/// The same channel, of a process that goes on where another was killed.
fn resumed((reader, sender, child): (ChannelReader, ChannelSender, Child)) -> Resumed {
    let copy = sender.descriptor().try_clone_to_owned().unwrap();
    drop((reader, sender));
    let (reader, sender) = resume(copy).unwrap();
    (reader, sender, child)
}

type Resumed = (ChannelReader, ChannelSender, Child);

#[tokio::test]
async fn what_was_not_acted_on_is_read_by_the_next_process_and_what_was_is_not() {
    let (mut reader, sender, child) = opened();
    child.write("1\n2\n3\n{\"cut\":");
    for expected in [b"1", b"2"] {
        assert!(matches!(reader.next().await, ChannelEvent::Message(body) if body == expected[..]));
    }
    reader.acted();
    let (mut reader, sender, child) = resumed((reader, sender, child));
    assert!(matches!(reader.next().await, ChannelEvent::Message(body) if body == b"3"[..]));
    // It was being acted on when this one was killed as well.
    let (mut reader, sender, child) = resumed((reader, sender, child));
    assert!(matches!(reader.next().await, ChannelEvent::Message(body) if body == b"3"[..]));
    child.write("true}\n");
    let whole = b"{\"cut\":true}";
    assert!(matches!(reader.next().await, ChannelEvent::Message(body) if body == whole[..]));
    sender.send(&[b"4"]).unwrap();
    assert_eq!(child.read().unwrap().0, "4\n");
    drop(child);
    assert!(matches!(reader.next().await, ChannelEvent::Closed));
}

#[tokio::test]
async fn the_rest_of_a_torn_line_is_told_and_nothing_else_is_lost() {
    let (mut reader, sender, child) = opened();
    child.write(&format!("\"{}", "x".repeat(100_000)));
    let waiting = tokio::time::timeout(Duration::from_millis(50), reader.next());
    assert!(waiting.await.is_err());
    let (mut reader, _sender, child) = resumed((reader, sender, child));
    child.write("the end\"\n1\nbad\n");
    match reader.next().await {
        ChannelEvent::Torn { preview } => assert_eq!(preview, "the end\""),
        other => panic!("{other:?}"),
    }
    assert!(matches!(reader.next().await, ChannelEvent::Message(body) if body == b"1"[..]));
    assert!(matches!(reader.next().await, ChannelEvent::NotJson { .. }));
}

#[tokio::test]
async fn sockets_wait_until_what_the_last_process_wrote_is_read() {
    let (reader, sender, child) = opened();
    sender.send(&[b"1"]).unwrap();
    let (mut reader, sender, child) = resumed((reader, sender, child));
    for _ in 0..10 {
        sender
            .send_handle(HandleType::Net, b"{}", descriptor())
            .unwrap();
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(child.read_all().len(), 1, "only what was there before");
    let mut given = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while given < 8 {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
        given += child.read_all().len();
    }
    // A refusal now may be meant for the last process.
    child.write(&"{\"cmd\":\"NODE_HANDLE_ACK\"}\n".repeat(7));
    child.write("0\n");
    read_answers(&mut reader).await;
    assert_eq!(child.read_all().len(), 2);
    child.write(&"{\"cmd\":\"NODE_HANDLE_NACK\"}\n".repeat(3));
    child.write("0\n");
    assert!(matches!(
        read_answers(&mut reader).await[..],
        [ChannelEvent::Cluster(ClusterMessage::HandlesLost(
            HandlesLost {
                before: 10,
                certain: false
            }
        ))]
    ));
}

#[tokio::test]
async fn a_line_that_may_go_in_pieces_is_told_while_it_is_on_its_way() {
    let (_reader, sender, child) = opened();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    sender.on_long_line(LongLine::new(move |begins| {
        tell.lock().unwrap().push(begins);
    }));
    let long = vec![b'1'; 4_000_000];
    sender.send(&[b"1"]).unwrap();
    sender.send(&[&long]).unwrap();
    assert!(told.lock().unwrap().is_empty(), "a line is yet to be read");
    let mut size = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while size < long.len() + 3 {
        assert!(tokio::time::Instant::now() < deadline);
        if size > 2 {
            assert_eq!(told.lock().unwrap().first(), Some(&true));
        }
        let pieces = child.read_all();
        size += pieces.iter().map(|(text, _)| text.len()).sum::<usize>();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(*told.lock().unwrap(), [true, false]);
}
