//! `logs`: the last lines of the log files, then what the apps write from now on.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Done};
use crate::cli::{
    logs::{
        follow::{Ended, follow},
        lines::{Lines, Shape},
        sources::{Sources, Streams},
        tail,
    },
    output::Style,
};

/// Lines of each file that are shown first.
const LINES: usize = 15;

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the flags of the command line"
)]
pub(crate) struct LogsArgs {
    /// Name, id, namespace, /regex/ or `all`
    #[arg(default_value = "all", hide_default_value = true)]
    target: String,
    /// Lines of each file to show first
    #[arg(long, default_value_t = LINES, value_name = "N")]
    lines: usize,
    /// Print the output alone, standard error to standard error
    #[arg(long)]
    raw: bool,
    /// Print each line as JSON
    #[arg(long)]
    json: bool,
    /// Print each line as `timestamp=... app=... id=... type=... message=...`
    #[arg(long)]
    format: bool,
    /// Print the time before each line
    #[arg(long, num_args = 0..=1, default_missing_value = "YYYY-MM-DD-HH:mm:ss", value_name = "FORMAT")]
    timestamp: Option<String>,
    /// Only standard error
    #[arg(long)]
    err: bool,
    /// Only standard output
    #[arg(long, conflicts_with = "err")]
    out: bool,
    /// Do not follow
    #[arg(long)]
    nostream: bool,
    /// Mark this text in the lines
    #[arg(long, value_name = "TEXT")]
    highlight: Option<String>,
}

pub(super) async fn cmd_logs(context: &Context, args: LogsArgs) -> Done {
    // From here on Ctrl-C is an ordinary end.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let sources = Sources::new(
        &args.target,
        match (args.err, args.out) {
            (true, _) => Streams::Err,
            (_, true) => Streams::Out,
            _ => Streams::Both,
        },
    )?;
    context.connect().await?;
    // Listening before reading the files: a line may then be seen twice, but none is lost.
    let mut subscription = context.session.subscribe();
    if !args.nostream {
        subscription.ready().await;
    }
    let shape = shape(&args);
    if args.lines > 0 && (args.nostream || !matches!(shape, Shape::Json | Shape::KeyValue)) {
        let tail = print_tails(context, &sources, &args);
        let ended = tokio::select! {
            ended = tail => ended?,
            _ = interrupt.recv() => true,
        };
        if ended {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if args.nostream {
        return Ok(ExitCode::SUCCESS);
    }
    let lines = Lines::new(shape, args.highlight, &context.out);
    tokio::select! {
        Ended = follow(subscription, &sources, lines, &context.out) => {}
        _ = interrupt.recv() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The last lines of every app and what they write from now on, until Ctrl-C.
pub(super) async fn show_all(context: &Context) -> Done {
    let args = LogsArgs {
        target: "all".to_owned(),
        lines: LINES,
        raw: false,
        json: false,
        format: false,
        timestamp: None,
        err: false,
        out: false,
        nostream: false,
        highlight: None,
    };
    cmd_logs(context, args).await
}

fn shape(args: &LogsArgs) -> Shape {
    match &args.timestamp {
        _ if args.raw => Shape::Raw,
        _ if args.json => Shape::Json,
        _ if args.format => Shape::KeyValue,
        Some(format) => Shape::Dated(format.clone()),
        None => Shape::Named,
    }
}

/// Prints the last lines of every file; true if nobody reads them any more.
async fn print_tails(
    context: &Context,
    sources: &Sources,
    args: &LogsArgs,
) -> Result<bool, super::CommandError> {
    let (target, count) = (&args.target, args.lines);
    let plural = if target == "all" {
        "processes"
    } else {
        "process"
    };
    let text = format!(
        "[TAILING] Tailing last {count} lines for [{target}] {plural} (change the value with --lines option)"
    );
    context.out.lines(&context.out.paint(Style::Grey, &text));
    let processes = context.processes().await?;
    if target != "all"
        && target != "PM2"
        && !processes.iter().any(|process| sources.includes(process))
    {
        context.out.warn(&format!(
            "{target} doesn't exist now; its lines are shown as soon as it does"
        ));
    }
    let files = sources.files(&processes, context.session.home());
    let (out, raw) = (context.out.clone(), args.raw);
    let printed = tokio::task::spawn_blocking(move || {
        files
            .iter()
            .try_for_each(|file| tail::print(file, count, raw, &out))
    });
    Ok(printed.await.is_ok_and(|printed| printed.is_err()))
}
