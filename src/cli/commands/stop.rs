//! `stop`: ends processes; they stay in the list.

use std::process::ExitCode;

use super::{
    Context, Done,
    target::{TargetArgs, act},
};

pub(super) async fn cmd_stop(context: &Context, args: TargetArgs) -> Done {
    act(context, "stop", &args).await?;
    Ok(ExitCode::SUCCESS)
}
