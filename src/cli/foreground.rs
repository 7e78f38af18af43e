//! Staying with the apps, as the first process of a container does: their output is ours, signals end them, and when
//! none is left we end too.

use std::{process::ExitCode, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    context::Context,
    error::CommandError,
    listed::Listed,
    logs::{
        follow::follow,
        lines::{Lines, Shape},
        sources::{Sources, Streams},
    },
};
use crate::{
    client::{ClientError, Subscription},
    sys::proc,
};

/// Between two looks at what the apps do.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// So many looks in a row must find no app before it is over: somebody may be restarting one.
const LOOKS: u32 = 4;
/// pm2's exit code when no app is left.
const NONE_LEFT: u8 = 2;

/// What it is over with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// A signal asked for it.
    Asked,
    /// No app is left.
    NoneLeft,
    /// The daemon was ended by somebody else.
    Killed,
}

/// Whose end is ours: a daemon of our own, whose log is ours too.
pub(super) struct Foreground {
    subscription: Subscription,
    signals: Signals,
}

struct Signals {
    ends: [Signal; 4],
    reopen: Signal,
    child: Signal,
}

impl Foreground {
    /// Launches a daemon that ends with us. From here on signals are ours.
    pub(super) async fn begin(context: &Context) -> Result<Self, CommandError> {
        let signals = Signals::take()?;
        context.session.set_owning(true);
        if context.session.connect_running().await? {
            let home = context.session.home().root().display();
            let text = format!(
                "a daemon runs in {home} already: end it with `rpm2 kill`, or set RPM2_HOME to a folder of your own"
            );
            return Err(ClientError::Refused(text).into());
        }
        context.session.connect().await?;
        let mut subscription = context.session.subscribe();
        subscription.ready().await;
        // A round trip: the daemon has the subscriber before it has the first app.
        context.session.call("ping", &["{}"]).await?;
        Ok(Self {
            subscription,
            signals,
        })
    }

    /// Stays until it is over; then everything is stopped.
    pub(super) async fn stay(
        self,
        context: &Context,
        shape: Shape,
        exits_alone: bool,
    ) -> Result<ExitCode, CommandError> {
        let Self {
            subscription,
            mut signals,
        } = self;
        let sources = Sources::new("all", Streams::Both)?;
        let lines = Lines::new(shape, None, &context.out);
        let out = context.out.clone();
        let output = tokio::spawn(async move {
            // Whoever read it may be gone: the apps go on.
            follow(subscription, &sources, lines, &out).await;
        });
        let over = tokio::select! {
            () = signals.end(context) => Over::Asked,
            () = context.session.owned_end() => Over::Killed,
            () = none_left(context), if exits_alone => Over::NoneLeft,
        };
        if over != Over::Killed {
            context.set_target("all");
            // A second signal need not wait: the daemon ends the apps when we are gone.
            tokio::select! {
                done = context.verb("killDaemon", []) => drop(done?),
                () = signals.end(context) => {}
            }
        }
        // The last lines are on their way.
        let _ = tokio::time::timeout(LOOK_AGAIN, output).await;
        Ok(match over {
            Over::NoneLeft => ExitCode::from(NONE_LEFT),
            Over::Asked | Over::Killed => ExitCode::SUCCESS,
        })
    }
}

impl Signals {
    fn take() -> Result<Self, CommandError> {
        Ok(Self {
            ends: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::quit())?,
                signal(SignalKind::hangup())?,
            ],
            reopen: signal(SignalKind::user_defined2())?,
            child: signal(SignalKind::child())?,
        })
    }

    /// Returns with a signal that asks for the end. Meanwhile logs are opened anew when that is asked for, and what
    /// has ended is reaped: the first process of a container is everybody's parent.
    async fn end(&mut self, context: &Context) {
        let [interrupt, terminate, quit, hangup] = &mut self.ends;
        loop {
            tokio::select! {
                _ = interrupt.recv() => return,
                _ = terminate.recv() => return,
                _ = quit.recv() => return,
                _ = hangup.recv() => return,
                _ = self.child.recv() => while proc::reap_one().is_some() {},
                _ = self.reopen.recv() => {
                    // Of no consequence for the apps; the daemon's log says why.
                    let _ = context.session.call("reloadLogs", &["{}"]).await;
                }
            }
        }
    }
}

/// Returns when no app runs or is going to.
async fn none_left(context: &Context) {
    let mut looks = 0;
    while looks < LOOKS {
        tokio::time::sleep(LOOK_AGAIN).await;
        // A daemon that is just being replaced cannot answer.
        let Ok(processes) = context.processes().await else {
            continue;
        };
        looks = if processes.iter().any(is_alive) {
            0
        } else {
            looks + 1
        };
    }
}

fn is_alive(process: &Listed) -> bool {
    !matches!(process.status().as_str(), "stopped" | "errored")
}
