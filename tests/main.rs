//! Integration tests: one binary, one file for each subject.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod channel;
mod cli;
mod cli_deploy;
mod cli_group;
mod cli_logs;
mod cli_modules;
mod cli_monit;
mod cli_more;
mod cli_reach;
mod cli_runtime;
mod cli_settings;
mod cli_start;
mod cli_startup;
mod cluster_kernel;
mod cluster_listen;
mod cluster_protocols;
mod cluster_workers;
mod daemon_agent;
mod daemon_balance;
mod daemon_drain;
mod daemon_launch;
mod daemon_life;
mod daemon_limits;
mod daemon_logs;
mod daemon_messages;
mod daemon_modes;
mod daemon_protocol;
mod daemon_reload;
mod daemon_rest;
mod daemon_schedule;
mod daemon_watch;
mod ending;
mod handover;
mod keeper_faults;
mod keeper_handover;
mod keeper_update;
mod outlive;
mod outlive_faults;
mod outlive_reload;
mod outlive_stop;
mod serve;
mod support;
mod update;
mod update_refused;
