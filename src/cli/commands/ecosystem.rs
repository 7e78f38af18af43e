//! `ecosystem`, `init`: a file that declares apps, to begin with.

use std::{fs::OpenOptions, io::Write, process::ExitCode};

use super::{CommandError, Context, Done};
use crate::client::ClientError;

#[derive(Debug, clap::Args)]
pub(crate) struct EcosystemArgs {
    /// `simple` for the shortest
    mode: Option<String>,
}

const NAME: &str = "ecosystem.config.js";

const SIMPLE: &str = "module.exports = {
  apps: [
    {
      name: 'app1',
      script: './app.js',
    },
  ],
}
";

const FULL: &str = "module.exports = {
  apps: [
    {
      name: 'app1',
      script: './app.js',
      // One process for each processor; requests are spread over them.
      instances: 'max',
      exec_mode: 'cluster',
      env: { NODE_ENV: 'development' },
      // rpm2 start ecosystem.config.js --env production
      env_production: { NODE_ENV: 'production' },
    },
  ],

  // rpm2 deploy production setup
  deploy: {
    production: {
      user: 'SSH_USERNAME',
      host: 'SSH_HOSTMACHINE',
      ref: 'origin/main',
      repo: 'GIT_REPOSITORY',
      path: 'DESTINATION_PATH',
      'pre-deploy-local': '',
      'post-deploy': 'npm install && rpm2 reload ecosystem.config.js --env production',
      'pre-setup': '',
    },
  },
}
";

/// A file that is there is somebody's work: pm2 would replace it.
pub(super) fn cmd_ecosystem(context: &Context, args: EcosystemArgs) -> Done {
    let text = match args.mode.as_deref() {
        None => FULL,
        Some("simple") => SIMPLE,
        Some(other) => {
            let text = format!("expected `simple` or nothing, got `{other}`");
            return Err(ClientError::Usage(text).into());
        }
    };
    let path = context.session.caller().cwd.join(NAME);
    if path.exists() {
        let text = format!("{} exists already: move it away first", path.display());
        return Err(ClientError::Usage(text).into());
    }
    let made = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = made.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| {
        CommandError::Client(ClientError::File {
            what: "make",
            path: path.clone(),
            source,
        })
    })?;
    let shown = path.display();
    context.out.lines(&format!("File {shown} generated"));
    Ok(ExitCode::SUCCESS)
}
