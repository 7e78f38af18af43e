'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const { clear } = require('../contestant/place')
const { timed } = require('./support')

module.exports = {
  name: 'boot',
  rounds: 9,
  rows: [{ id: 'boot', title: 'first command (`ls`), no daemon yet', unit: 'ms' }],
  async manager({ manager, home }) {
    return async () => {
      const boot = await timed(() => manager.command('ls'))
      // It fails unless the command has left a daemon. The next round finds a home as the first one did.
      manager.pids.forEach((pid) => process.kill(pid, 'SIGKILL'))
      clear('PM2_HOME', home)
      fs.rmSync(home, { recursive: true, maxRetries: 5 })
      fs.mkdirSync(home)
      return { boot }
    }
  },
  async limit() {
    const run = () => spawnSync('/bin/true', [], { encoding: 'utf8' })
    return async () => ({ boot: await timed(() => [run(), run()]) })
  },
}
