//! `delete`: ends processes and forgets them.

use std::process::ExitCode;

use super::{
    Context, Done,
    target::{TargetArgs, act},
};

pub(super) async fn cmd_delete(context: &Context, args: TargetArgs) -> Done {
    act(context, "delete", &args).await?;
    Ok(ExitCode::SUCCESS)
}
