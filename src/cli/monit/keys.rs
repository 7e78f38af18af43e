//! What is pressed.

use std::{thread, time::Duration};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

/// How long the thread waits for a key before it looks whether anybody still wants one.
const WAIT: Duration = Duration::from_millis(100);
/// Keys that may wait.
const QUEUE: usize = 64;

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressed {
    /// The end.
    Leave,
    /// The process above.
    Up,
    /// The process below.
    Down,
    /// Nothing, or another size of the terminal.
    Other,
}

/// The keys of a terminal, read by a thread of their own.
pub(super) struct Keys {
    pressed: mpsc::Receiver<Pressed>,
}

impl Keys {
    pub(super) fn listen() -> Self {
        let (send, pressed) = mpsc::channel(QUEUE);
        thread::spawn(move || read(&send));
        Self { pressed }
    }

    /// The next one. The end of the terminal is the end of the view.
    pub(super) async fn next(&mut self) -> Pressed {
        self.pressed.recv().await.unwrap_or(Pressed::Leave)
    }
}

fn read(send: &mpsc::Sender<Pressed>) {
    while !send.is_closed() {
        let pressed = match event::poll(WAIT) {
            Ok(false) => continue,
            Ok(true) => event::read().map(|event| meaning(&event)),
            Err(error) => Err(error),
        };
        let Ok(pressed) = pressed else {
            return;
        };
        if send.blocking_send(pressed).is_err() {
            return;
        }
    }
}

fn meaning(event: &Event) -> Pressed {
    match event {
        Event::Key(KeyEvent {
            kind: KeyEventKind::Release,
            ..
        }) => Pressed::Other,
        Event::Key(key) => match key.code {
            KeyCode::Char('c' | 'd') if key.modifiers == KeyModifiers::CONTROL => Pressed::Leave,
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => Pressed::Leave,
            KeyCode::Up | KeyCode::Char('k') => Pressed::Up,
            KeyCode::Down | KeyCode::Char('j') => Pressed::Down,
            _ => Pressed::Other,
        },
        _ => Pressed::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_meanings() {
        let key = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        let plain = |code| key(code, KeyModifiers::NONE);
        let table = [
            (plain(KeyCode::Char('q')), Pressed::Leave),
            (plain(KeyCode::Esc), Pressed::Leave),
            (
                key(KeyCode::Char('c'), KeyModifiers::CONTROL),
                Pressed::Leave,
            ),
            (plain(KeyCode::Char('c')), Pressed::Other),
            (plain(KeyCode::Up), Pressed::Up),
            (plain(KeyCode::Char('j')), Pressed::Down),
            (Event::Resize(1, 1), Pressed::Other),
        ];
        for (event, expected) in table {
            assert_eq!(meaning(&event), expected, "{event:?}");
        }
    }
}
