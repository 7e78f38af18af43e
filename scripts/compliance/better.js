'use strict'

/** What rpm2 does otherwise than pm2 on purpose: the feature, and in what. Each is shown by tests of rpm2's own. */
exports.BETTER = {
  attributes: {
    interpreter: 'a cluster app runs on the Node it names, not on the daemon’s',
    max_memory_restart: 'looked at every second at most, not every 30',
    ignore_watch: 'ignored folders are not even opened',
    listen_timeout: 'a replacement that does not come up is removed, and the old process stays',
    disable_logs: 'no empty log files are made',
    pmx: 'apps without anything left to do end, and the agent costs a fraction of pm2’s',
    trace: 'nothing is downloaded into the installed package',
  },
  functions: {
    reload: 'one at a time, drained, rolled back if the replacement fails',
    resurrect: 'without a dump it is an error; pm2 never answers',
    connect: 'may be called twice',
  },
  events: {
    'process:msg': '`process.send(null)` does not kill the daemon',
    'process:exception': 'also of what is no error, or cannot be made JSON whole',
  },
}
