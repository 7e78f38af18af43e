'use strict'

/** The verbs: pm2's name for each call that goes to the addon as it is. Their meaning is in src/client/verbs. */
const verbs = [
  'connect',
  'start',
  'stop',
  'restart',
  'reload',
  'delete',
  'list',
  'describe',
  'scale',
  'reset',
  'dump',
  'clearDump',
  'resurrect',
  'flush',
  'reloadLogs',
  'sendLineToStdin',
  'trigger',
  'msgProcess',
  'inspect',
  'getPID',
  'getProcessIdByName',
  'env',
  'jlist',
  'profile',
  'startup',
  'uninstallStartup',
  'serve',
  'install',
  'uninstall',
  'slist',
  'report',
  'pullAndReload',
  'pullAndRestart',
  'pullCommitId',
  'backward',
  'forward',
  'get',
  'set',
  'multiset',
  'unset',
  'conf',
  'autoinstall',
  'sendDataToProcessId',
  'sendSignalToProcessId',
  'sendSignalToProcessName',
  'ping',
  'getVersion',
  'update',
  'killDaemon',
]

/** pm2's second names. */
const aliases = { kill: 'killDaemon', close: 'disconnect' }

/** Verbs whose apps get the caller's environment as it is at the call. */
const withEnvironment = new Set(['start', 'restart', 'reload', 'startup', 'uninstallStartup', 'serve', 'install'])

/** Verbs that are one call of the daemon, in src/client/verbs/single.rs, and change nothing here. */
const single = new Set(['list', 'jlist', 'sendDataToProcessId', 'msgProcess', 'ping', 'getVersion'])

/** What becomes of a result where it is no JSON. */
const results = { resurrect: (text) => Buffer.from(text) }

module.exports = { results, single, verbs, aliases, withEnvironment }
