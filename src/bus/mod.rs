//! The bus: events from the daemon to every subscriber. Publishing never waits: each subscriber has a bounded queue,
//! and one that does not read misses events alone and is told how many.

#![forbid(unsafe_code)]

mod journal;
mod queue;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::BytesMut;

pub use journal::Journal;
use queue::Shared;
pub use queue::Subscriber;

use crate::protocol::event;

/// Topic of the event that tells a subscriber how many it missed: `{count}`.
pub const MISSED: &str = "rpm2:missed";

/// A cheap handle.
#[derive(Clone, Default)]
pub struct Bus {
    subscribers: Arc<Mutex<Vec<Weak<Shared>>>>,
}

impl Bus {
    /// A bus without subscribers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subscriber that gets every event; it leaves by being dropped.
    pub fn subscribe(&self) -> Subscriber {
        let subscriber = Subscriber::new();
        self.lock().push(subscriber.shared());
        subscriber
    }

    /// Whether anybody listens at all: what nobody hears need not be made.
    pub fn has_subscribers(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Gives the event to every subscriber that wants it. `payload` is JSON text in pieces, copied once.
    pub fn publish(&self, topic: &str, payload: &[&[u8]]) {
        let mut subscribers = self.lock();
        if subscribers.is_empty() {
            return;
        }
        let mut frame = BytesMut::new();
        // Every source of events is limited to less than a frame; one that is not is an error of ours, not the peer's.
        if event::encode_event(topic, payload, &mut frame).is_err() {
            return;
        }
        let frame = frame.freeze();
        subscribers.retain(|subscriber| match subscriber.upgrade() {
            Some(subscriber) => {
                subscriber.push(topic, &frame);
                true
            }
            None => false,
        });
    }

    /// Waits until every subscriber that reads has room. Whoever publishes what an app produces asks first: a subscriber
    /// that is merely slower then slows the app, and misses nothing; one that does not read is not waited for.
    pub async fn room(&self) {
        let subscribers: Vec<_> = self.lock().iter().filter_map(Weak::upgrade).collect();
        for subscriber in subscribers {
            subscriber.room().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Shared>>> {
        let mut subscribers = self
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| subscriber.strong_count() > 0);
        subscribers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{event::open_event, frame::FrameCodec, message::Pair};
    use bytes::Bytes;
    use tokio_util::codec::Decoder;

    fn read(frame: &Bytes) -> (String, String) {
        let mut bytes = BytesMut::from(&frame[..]);
        let frame = FrameCodec::new().decode(&mut bytes).unwrap().unwrap();
        let pair = Pair::try_from(frame).unwrap();
        let (topic, payload) = open_event(&pair).unwrap();
        (
            topic.to_owned(),
            String::from_utf8(payload.to_vec()).unwrap(),
        )
    }

    async fn drain(subscriber: &Subscriber) -> Vec<(String, String)> {
        let mut frames = Vec::new();
        subscriber.next(&mut frames).await;
        frames.iter().map(read).collect()
    }

    #[tokio::test]
    async fn everyone_gets_everything_in_order() {
        let bus = Bus::new();
        assert!(!bus.has_subscribers());
        let (one, two) = (bus.subscribe(), bus.subscribe());
        bus.publish("a", &[b"{\"n\":", b"1", b"}"]);
        bus.publish("b", &[b"2"]);
        let expected = [
            ("a".to_owned(), "{\"n\":1}".to_owned()),
            ("b".to_owned(), "2".to_owned()),
        ];
        assert_eq!(drain(&one).await, expected);
        assert_eq!(drain(&two).await, expected);
        drop((one, two));
        assert!(!bus.has_subscribers());
    }

    #[tokio::test]
    async fn a_filter_keeps_other_events_away() {
        let bus = Bus::new();
        let subscriber = bus.subscribe();
        subscriber.want(vec!["log:*".to_owned()]);
        bus.publish("process:event", &[b"1"]);
        bus.publish("log:out", &[b"2"]);
        assert_eq!(
            drain(&subscriber).await,
            [("log:out".to_owned(), "2".to_owned())]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_reads_slowly_is_waited_for_and_one_that_does_not_read_is_not() {
        let bus = Bus::new();
        let slow = bus.subscribe();
        let large = vec![b'1'; 9 * 1024 * 1024];
        bus.publish("big", &[&large]);
        let waited = tokio::time::Instant::now();
        let reading = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            drain(&slow).await
        };
        tokio::join!(bus.room(), reading);
        assert_eq!(waited.elapsed().as_millis(), 100);
        bus.publish("big", &[&large]);
        let waited = tokio::time::Instant::now();
        bus.room().await;
        assert_eq!(waited.elapsed().as_millis(), 500);
        bus.room().await;
        assert_eq!(waited.elapsed().as_millis(), 500);
        assert_eq!(drain(&slow).await.len(), 1);
    }

    #[tokio::test]
    async fn one_that_does_not_read_misses_events_alone_and_is_told() {
        let bus = Bus::new();
        let (slow, quick) = (bus.subscribe(), bus.subscribe());
        let large = vec![b'1'; 30 * 1024 * 1024];
        let mut received = 0;
        for _ in 0..4 {
            bus.publish("big", &[&large]);
            received += drain(&quick).await.len();
        }
        assert_eq!(received, 4);
        let mut topics = Vec::new();
        while topics.last().is_none_or(|(topic, _)| topic != MISSED) {
            topics.extend(
                drain(&slow)
                    .await
                    .into_iter()
                    .map(|(topic, payload)| (topic, payload.len().min(11))),
            );
        }
        let big = ("big".to_owned(), 11);
        assert_eq!(
            topics,
            [big.clone(), big, (MISSED.to_owned(), "{\"count\":2}".len())]
        );
        bus.publish("small", &[b"3"]);
        assert_eq!(drain(&slow).await, [("small".to_owned(), "3".to_owned())]);
    }
}
