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
    scale: '`-n` takes processes away, and what is no number is an error; pm2’s client dies or never comes back',
    get: 'answers the value; pm2 prints it',
    flush: 'may be called without a process; pm2 then never answers',
    trigger: 'ends when an app dies without a reply; pm2 waits for ever',
    msgProcess: 'what is no object is an error; pm2’s daemon dies of it',
    env: 'answers the variables; pm2 prints them',
    jlist: 'answers the list; pm2 prints it',
    inspect: 'always answers; pm2 does not where there is nothing to inspect',
    profile: 'says that a native daemon has no V8 to profile',
    attach: 'answers with no error when it is over',
    autoinstall: 'says what to do instead; pm2 fails for want of a file',
    destroy: 'what is not a daemon’s own stays in the folder',
    serve: 'served by the native program: no Node, ranges, no path out of the folder',
    startup: 'written without a shell; systemd waits until the apps are back',
    uninstallStartup: 'written without a shell',
    install: 'npm is run without a shell, and a failure leaves what was there',
    uninstall: 'npm is run without a shell',
    update: 'no app is restarted',
  },
  events: {
    'process:msg': '`process.send(null)` does not kill the daemon',
    'process:exception': 'also of what is no error, or cannot be made JSON whole',
  },
}
