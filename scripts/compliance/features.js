'use strict'

const { BETTER } = require('./better')

const words = (text) => text.split(/\s+/).filter(Boolean)

// The attributes of a declaration and the events of the bus, as pm2's users know them; its functions are asked of pm2.
const ATTRIBUTES = words(`
  script name namespace cwd args interpreter node_args interpreter_args exec_mode instances out_file error_file log_file
  merge_logs disable_logs log_type log_date_format time pid_file env filter_env append_env_to_name port watch
  ignore_watch watch_delay watch_options autorestart autostart stop_exit_codes max_restarts min_uptime restart_delay
  exp_backoff_restart_delay max_memory_restart cron_restart kill_timeout kill_retry_time listen_timeout wait_ready
  shutdown_with_message treekill instance_var increment_var uid gid vizion pmx automation trace source_map_support
  disable_source_map_support force post_update io username windowsHide install_url name_prefix`)

const EVENTS = words('log:out log:err log:PM2 process:event process:msg process:exception axm:reply pm2:kill <type>')

// Members of pm2's object that are inner works of its command, or of the service it is sold with.
const NOT_FOR_PROGRAMS = new Set(
  words(`constructor custom actionFromJson agentInfos autodump backward boilerplate clearSetup dashboard deepUpdate
    deleteModule deploy dockerMode exitCli forward generateDockerfile generateModuleSample generateSample killAgent
    launchAll launchModules link linkManagement logrotate minimumSetup monit monitorState openDashboard package printLogs
    publish pullAndReload pullAndRestart pullCommitId remote remoteV2 report slist speedList streamLogs unlink`),
)

function functions() {
  const pm2 = require('pm2')
  const names = new Set()
  for (let object = pm2; object && object !== Object.prototype; object = Object.getPrototypeOf(object)) {
    for (const name of Object.getOwnPropertyNames(object)) if (typeof pm2[name] === 'function') names.add(name)
  }
  return [...names].filter((name) => !name.startsWith('_') && !NOT_FOR_PROGRAMS.has(name)).sort()
}

/** Every feature by its kind: its name, whether rpm2 has it, and in what it is better. */
function features() {
  const rpm2 = require('../..')
  const of = (kind, names, has = () => true) =>
    names.map((name) => ({ name, exists: has(name), better: BETTER[kind][name] }))
  return {
    attributes: of('attributes', ATTRIBUTES),
    functions: of('functions', functions(), (name) => typeof rpm2[name] === 'function'),
    events: of('events', EVENTS),
  }
}

module.exports = { features }
