//! The verbs, one file each.

mod attach;
mod cleardump;
mod delete;
mod deploy;
mod describe;
mod ecosystem;
mod env;
mod flush;
mod id;
mod inspect;
mod install;
mod jlist;
mod kill;
mod list;
mod logs;
mod monit;
mod pid;
mod ping;
mod prettylist;
mod profile;
mod reload_logs;
mod report;
mod repository;
mod reset;
mod restart;
mod resurrect;
mod runtime;
mod save;
mod scale;
mod send;
mod send_signal;
mod serve;
mod settings;
mod slist;
mod start;
mod start_or_restart;
mod startup;
mod stop;
mod target;
mod trigger;
mod update;

use std::process::ExitCode;

use clap::Subcommand;

pub(super) use self::list::ListArgs;
use super::{
    context::{self, Context, Surroundings},
    error::CommandError,
    output::Output,
};

/// How a command ended that printed its own failures, if it had any.
type Done = Result<ExitCode, CommandError>;

/// The verbs; each one's options are only made when it is used.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Start an app, or a file that declares apps
    Start(Box<start::StartArgs>),
    /// Run an app, or a file's, in the foreground, as in a container; also the command rpm2-runtime
    Runtime(Box<runtime::RuntimeArgs>),
    /// Stop processes; they stay in the list
    Stop(target::TargetArgs),
    /// Restart processes
    Restart(Box<restart::RestartArgs>),
    /// Replace processes of cluster apps so that no client notices; restart others
    #[command(visible_aliases = ["startOrReload", "startOrGracefulReload"])]
    Reload(Box<restart::ReloadArgs>),
    /// Restart the apps of a file, and start those that are not listed
    #[command(name = "startOrRestart", alias = "startorrestart")]
    StartOrRestart(start_or_restart::StartOrRestartArgs),
    /// Stop processes and remove them from the list
    #[command(visible_alias = "del")]
    Delete(target::TargetArgs),
    /// List all processes
    #[command(visible_aliases = ["ls", "l", "ps", "status"])]
    List(list::ListArgs),
    /// List all processes in JSON
    Jlist(list::ListArgs),
    /// List all processes in readable JSON
    Prettylist(list::ListArgs),
    /// Describe a process
    #[command(visible_aliases = ["desc", "info", "show"])]
    Describe(describe::DescribeArgs),
    /// Show the logs of processes and follow them
    Logs(logs::LogsArgs),
    /// Print the numbers of the processes of a name
    Id(id::IdArgs),
    /// Print the process ids of an app, or of all
    Pid(pid::PidArgs),
    /// Print the environment of a process
    Env(env::EnvArgs),
    /// Run more or fewer processes of an app
    Scale(scale::ScaleArgs),
    /// Save the list of processes, for `resurrect`
    #[command(visible_alias = "dump")]
    Save(save::SaveArgs),
    /// Start the saved processes that are not listed
    Resurrect(list::ListArgs),
    /// Empty the saved list
    Cleardump(list::ListArgs),
    /// Empty log files
    Flush(flush::FlushArgs),
    /// Write a line to the standard input of a process
    Send(send::SendArgs),
    /// Connect this terminal with the input and output of a process
    Attach(attach::AttachArgs),
    /// Trigger an action that processes have announced
    Trigger(trigger::TriggerArgs),
    /// Open the inspector of a process
    Inspect(inspect::InspectArgs),
    /// Profile the processor use of a pm2 daemon
    #[command(name = "profile:cpu")]
    ProfileCpu(profile::ProfileArgs),
    /// Sample the memory of a pm2 daemon
    #[command(name = "profile:mem")]
    ProfileMem(profile::ProfileArgs),
    /// Start rpm2 and the saved processes with the system
    Startup(startup::StartupArgs),
    /// Undo `startup`; what runs goes on
    Unstartup(startup::StartupArgs),
    /// Serve the files of a folder over HTTP
    #[command(visible_aliases = ["expose", "static"])]
    Serve(Box<serve::ServeArgs>),
    /// Install or update a module, and run it with every daemon
    #[command(visible_aliases = ["module:install", "module:update"])]
    Install(install::InstallArgs),
    /// Stop and remove a module
    #[command(visible_alias = "module:uninstall")]
    Uninstall(install::UninstallArgs),
    /// Make an ecosystem.config.js to begin with
    #[command(visible_alias = "init")]
    Ecosystem(ecosystem::EcosystemArgs),
    /// Bring the repository of an app up to date, or to a commit, and reload it
    Pull(repository::PullArgs),
    /// Go to the next commit of an app's repository
    Forward(repository::StepArgs),
    /// Go to the commit before in an app's repository
    Backward(repository::StepArgs),
    /// Print what the machine has and uses, in JSON
    #[command(visible_alias = "sysinfos")]
    Slist(slist::SlistArgs),
    /// Print what a report of a problem should have
    Report(list::ListArgs),
    /// Watch processes, their output and what they measure
    #[command(visible_aliases = ["dash", "dashboard", "imonit"])]
    Monit(list::ListArgs),
    /// Deploy apps to other machines over ssh, as a file declares
    Deploy(deploy::DeployArgs),
    /// Set a setting of a module or an app
    Set(settings::SettingArgs),
    /// Print a setting, or all
    Get(settings::SettingArgs),
    /// Remove a setting
    Unset(settings::KeyArgs),
    /// Set several settings
    Multiset(settings::MultisetArgs),
    /// Print or set a setting
    #[command(visible_alias = "config")]
    Conf(settings::SettingArgs),
    /// Set the counters of processes to zero
    Reset(reset::ResetArgs),
    /// Open all log files anew
    #[command(name = "reloadLogs", alias = "reloadlogs")]
    ReloadLogs,
    /// Send a signal to processes
    #[command(name = "sendSignal", alias = "sendsignal")]
    SendSignal(send_signal::SendSignalArgs),
    /// Check the daemon; launches it if there is none
    Ping(list::ListArgs),
    /// Replace the daemon by the installed version; no process is restarted
    #[command(visible_aliases = ["updatePM2", "updatepm2"])]
    Update(list::ListArgs),
    /// Stop all processes and the daemon
    Kill(list::ListArgs),
}

/// Runs a verb.
pub(super) fn run(command: Command, out: &Output) -> Done {
    let surroundings = match command {
        Command::Start(_)
        | Command::Runtime(_)
        | Command::Restart(_)
        | Command::Reload(_)
        | Command::Stop(_)
        | Command::Delete(_)
        | Command::StartOrRestart(_)
        | Command::Serve(_)
        | Command::Install(_)
        | Command::Ecosystem(_)
        | Command::Pull(_)
        | Command::Forward(_)
        | Command::Backward(_)
        | Command::Deploy(_)
        | Command::Startup(_)
        | Command::Unstartup(_)
        | Command::ProfileCpu(_)
        | Command::ProfileMem(_) => Surroundings::All,
        _ => Surroundings::Home,
    };
    let mut context = Context::new(out, surroundings)?;
    if is_data(&command) {
        context = context.data_only();
    }
    let runtime = context::runtime()?;
    let done = runtime.block_on(dispatch(&context, command));
    // Nothing that still runs there, such as a read of standard input, may keep us.
    runtime.shutdown_background();
    done
}

/// Whether programs read what the verb prints.
fn is_data(command: &Command) -> bool {
    matches!(
        command,
        Command::Jlist(_)
            | Command::Prettylist(_)
            | Command::Id(_)
            | Command::Pid(_)
            | Command::Env(_)
            | Command::Slist(_)
            | Command::Report(_)
    )
}

async fn dispatch(context: &Context, command: Command) -> Done {
    match command {
        Command::Start(args) => start::cmd_start(context, *args).await,
        Command::Runtime(args) => runtime::cmd_runtime(context, *args).await,
        Command::Stop(args) => stop::cmd_stop(context, args).await,
        Command::Restart(args) => restart::cmd_restart(context, *args).await,
        Command::Reload(args) => restart::cmd_reload(context, *args).await,
        Command::StartOrRestart(args) => {
            start_or_restart::cmd_start_or_restart(context, args).await
        }
        Command::Delete(args) => delete::cmd_delete(context, args).await,
        Command::List(_) => list::cmd_list(context).await,
        Command::Jlist(_) => jlist::cmd_jlist(context).await,
        Command::Prettylist(_) => prettylist::cmd_prettylist(context).await,
        Command::Describe(args) => describe::cmd_describe(context, args).await,
        Command::Logs(args) => logs::cmd_logs(context, args).await,
        Command::Id(args) => id::cmd_id(context, args).await,
        Command::Pid(args) => pid::cmd_pid(context, args).await,
        Command::Env(args) => env::cmd_env(context, args).await,
        Command::Scale(args) => scale::cmd_scale(context, args).await,
        Command::Save(args) => save::cmd_save(context, args).await,
        Command::Resurrect(_) => resurrect::cmd_resurrect(context).await,
        Command::Cleardump(_) => cleardump::cmd_cleardump(context).await,
        Command::Flush(args) => flush::cmd_flush(context, args).await,
        Command::Send(args) => send::cmd_send(context, args).await,
        Command::Attach(args) => attach::cmd_attach(context, args).await,
        Command::Trigger(args) => trigger::cmd_trigger(context, args).await,
        Command::Inspect(args) => inspect::cmd_inspect(context, args).await,
        Command::ProfileCpu(args) => profile::cmd_profile(context, "cpu", args).await,
        Command::ProfileMem(args) => profile::cmd_profile(context, "mem", args).await,
        Command::Startup(args) => startup::cmd_startup(context, "startup", args).await,
        Command::Unstartup(args) => startup::cmd_startup(context, "uninstallStartup", args).await,
        Command::Serve(args) => serve::cmd_serve(context, *args).await,
        Command::Install(args) => install::cmd_install(context, args).await,
        Command::Uninstall(args) => install::cmd_uninstall(context, args).await,
        Command::Ecosystem(args) => ecosystem::cmd_ecosystem(context, args),
        Command::Pull(args) => repository::cmd_pull(context, args).await,
        Command::Forward(args) => repository::cmd_step(context, "forward", args).await,
        Command::Backward(args) => repository::cmd_step(context, "backward", args).await,
        Command::Slist(args) => slist::cmd_slist(context, args).await,
        Command::Report(_) => report::cmd_report(context).await,
        Command::Monit(_) => monit::cmd_monit(context).await,
        Command::Deploy(args) => deploy::cmd_deploy(context, args).await,
        Command::Set(args) => settings::cmd_set(context, args).await,
        Command::Get(args) => settings::cmd_get(context, args).await,
        Command::Unset(args) => settings::cmd_unset(context, args).await,
        Command::Multiset(args) => settings::cmd_multiset(context, args).await,
        Command::Conf(args) => settings::cmd_conf(context, args).await,
        Command::Reset(args) => reset::cmd_reset(context, args).await,
        Command::ReloadLogs => reload_logs::cmd_reload_logs(context).await,
        Command::SendSignal(args) => send_signal::cmd_send_signal(context, args).await,
        Command::Ping(_) => ping::cmd_ping(context).await,
        Command::Update(_) => update::cmd_update(context).await,
        Command::Kill(_) => kill::cmd_kill(context).await,
    }
}
