//! `get`, `set`, `multiset`, `unset`, `conf`: the settings of modules and apps. No daemon is launched for them.

use std::{
    env,
    io::{self, IsTerminal},
    process::{self, ExitCode},
};

use serde_json::Value;

use super::{CommandError, Context, Done};
use crate::{client::ClientError, home::write_private};

#[derive(Debug, clap::Args)]
pub(crate) struct SettingArgs {
    /// `name`, `module:name` or `module.name`
    key: Option<String>,
    /// What to set it to
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MultisetArgs {
    /// Keys and values in turn: "key1 val1 key2 val2"
    value: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    /// `name`, `module:name` or `module.name`
    key: String,
}

fn or_null(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::from)
}

/// `get` and, with a value, `set`.
pub(super) async fn cmd_conf(context: &Context, args: SettingArgs) -> Done {
    let done = context
        .verb("conf", [or_null(args.key), or_null(args.value)])
        .await;
    done?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn cmd_set(context: &Context, args: SettingArgs) -> Done {
    let SettingArgs { key, value } = args;
    let (key, value) = match (key, value) {
        (None, _) => return edit(context),
        (Some(key), Some(value)) => (key, value),
        (Some(key), None) => {
            let text = format!("set expects a value: rpm2 set {key} <value>");
            return Err(ClientError::Usage(text).into());
        }
    };
    context.verb("set", [key.into(), value.into()]).await?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn cmd_get(context: &Context, args: SettingArgs) -> Done {
    context.verb("get", [or_null(args.key)]).await?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn cmd_multiset(context: &Context, args: MultisetArgs) -> Done {
    context.verb("multiset", [args.value.into()]).await?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn cmd_unset(context: &Context, args: KeyArgs) -> Done {
    context.verb("unset", [args.key.into()]).await?;
    Ok(ExitCode::SUCCESS)
}

/// The file in the user's editor.
fn edit(context: &Context) -> Done {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let text = "set expects a key and a value: rpm2 set <key> <value>; in a terminal it opens an editor";
        return Err(ClientError::Usage(text.to_owned()).into());
    }
    let home = context.session.home();
    home.create()?;
    let path = home.module_conf();
    if !path.exists() {
        write_private(&path, b"{}")?;
    }
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR"));
    let editor = editor.unwrap_or_else(|| "vi".into());
    let status = process::Command::new(&editor).arg(&path).status();
    let status = status.map_err(|error| {
        CommandError::Input(format!(
            "cannot be edited with {}: {error}; set EDITOR",
            editor.display()
        ))
    })?;
    let edited = format!("Module configuration ({}) edited.", path.display());
    context.out.lines(&edited);
    context.out.lines(&format!(
        "To take changes into account, please restart module related. {}",
        path.display()
    ));
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
