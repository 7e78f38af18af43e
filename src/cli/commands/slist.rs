//! `slist`, `sysinfos`: what the machine has and uses.

use std::{fmt::Write, process::ExitCode};

use serde_json::Value;

use super::{CommandError, Context, Done};

#[derive(Debug, clap::Args)]
pub(crate) struct SlistArgs {
    /// Print a tree
    #[arg(short, long)]
    tree: bool,
}

pub(super) async fn cmd_slist(context: &Context, args: SlistArgs) -> Done {
    context.connect().await?;
    let found = context.verb("slist", []).await?;
    let text = found.as_deref().map_or("{}", |raw| raw.get());
    let found: Value = serde_json::from_str(text).map_err(CommandError::Answer)?;
    let text = if args.tree {
        tree(&found, "")
    } else {
        serde_json::to_string_pretty(&found).map_err(CommandError::Answer)?
    };
    context.out.data(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// pm2's tree, a line a member.
fn tree(value: &Value, indent: &str) -> String {
    let mut text = String::new();
    let Value::Object(members) = value else {
        return text;
    };
    for (index, (name, value)) in members.iter().enumerate() {
        let is_last = index + 1 == members.len();
        let (branch, next) = if is_last {
            ("└─", "   ")
        } else {
            ("├─", "│  ")
        };
        // Text takes everything.
        let _ = match value {
            Value::Object(_) => writeln!(text, "{indent}{branch} {name}"),
            Value::String(value) => writeln!(text, "{indent}{branch} {name}: {value}"),
            value => writeln!(text, "{indent}{branch} {name}: {value}"),
        };
        text.push_str(&tree(value, &format!("{indent}{next}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_tree_as_pm2_draws_it() {
        let found = json!({ "CPU": { "value": 9, "unit": "%" }, "RAM": { "historic": true } });
        assert_eq!(
            tree(&found, ""),
            "├─ CPU\n│  ├─ value: 9\n│  └─ unit: %\n└─ RAM\n   └─ historic: true\n"
        );
    }
}
