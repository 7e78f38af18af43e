'use strict'

// A clustered app that is reloaded and ended while the daemon is killed: notes its process id and serves.
require('node:fs').appendFileSync(process.env.CHAOS_PIDS, `${process.pid}\n`)
require('node:http').createServer((request, response) => response.end('ok')).listen(0, '127.0.0.1')
