//! `monit`: a view of all processes, their output, and what they measure, until `q` or Ctrl-C.

mod keys;
mod state;
mod view;

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use ratatui::DefaultTerminal;
use tokio::time::{MissedTickBehavior, interval};

use self::{
    keys::{Keys, Pressed},
    state::State,
};
use super::{context::Context, error::CommandError};
use crate::client::ClientError;

/// How often processes are asked for.
const REFRESH: Duration = Duration::from_millis(500);
/// What has come is drawn this often at most.
const FRAME: Duration = Duration::from_millis(50);

/// Shows the view until it is left. Nothing but an error where there is no terminal.
pub(super) async fn run(context: &Context) -> Result<(), CommandError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let text =
            "monit shows its view in a terminal, and this is none; use `rpm2 ls` or `rpm2 logs`";
        return Err(ClientError::Usage(text.to_owned()).into());
    }
    context.connect().await?;
    let processes = context.processes().await?;
    let mut terminal = ratatui::try_init()?;
    let mut state = State::default();
    state.show(processes);
    let shown = show(context, &mut terminal, &mut state).await;
    // Whatever happened, the terminal is as it was.
    ratatui::restore();
    shown
}

async fn show(
    context: &Context,
    terminal: &mut DefaultTerminal,
    state: &mut State,
) -> Result<(), CommandError> {
    let mut keys = Keys::listen();
    let mut events = context.session.subscribe();
    let mut refresh = interval(REFRESH);
    let mut frame = interval(FRAME);
    for timer in [&mut refresh, &mut frame] {
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let mut has_changed = true;
    loop {
        tokio::select! {
            pressed = keys.next() => match pressed {
                Pressed::Leave => return Ok(()),
                Pressed::Up => state.select_before(),
                Pressed::Down => state.select_next(),
                Pressed::Other => {}
            },
            _ = refresh.tick() => match context.processes().await {
                Ok(processes) => state.show(processes),
                Err(error) => state.trouble(&error.to_string()),
            },
            (topic, payload) = events.next() => {
                state.hear(&topic, &payload);
                has_changed = true;
                continue;
            }
            _ = frame.tick(), if has_changed => {
                terminal.draw(|frame| view::draw(state, frame))?;
                has_changed = false;
                continue;
            }
        }
        has_changed = true;
    }
}
