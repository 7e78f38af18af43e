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
const withEnvironment = new Set(['start', 'restart', 'reload'])

module.exports = { verbs, aliases, withEnvironment }
