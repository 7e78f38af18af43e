'use strict'

const { spawnSync } = require('node:child_process')
const engines = require('../../__test__/support/engines')
const { managers, used } = require('./processes')

/** One of the two managers as this program's module and command, with one home. */
class Manager {
  constructor(engine, home) {
    this.engine = engine
    this.home = home
    this.module = require(engines[engine].module)
  }

  /** Calls a function of the module. */
  call(method, ...args) {
    return new Promise((resolve, reject) => {
      this.module[method](...args, (error, result) => (error ? reject([].concat(error)[0]) : resolve(result)))
    })
  }

  /** Starts `options` and gives the processes, which must be so many and online. */
  async start(options, count = 1) {
    const started = await this.call('start', options)
    const online = started.filter(({ pm2_env }) => pm2_env.status === 'online').length
    if (online !== count) throw new Error(`${online} processes are online after the start, and not ${count}`)
    return started
  }

  /** Runs the command to its end; its standard output. */
  command(...args) {
    const options = { encoding: 'utf8', maxBuffer: 1 << 27 }
    const { status, stdout, stderr } = spawnSync(engines[this.engine].command, args, options)
    if (status !== 0) throw new Error(`\`${this.engine} ${args.join(' ')}\` ended with ${status}: ${stdout}${stderr}`)
    return stdout
  }

  /** The process ids of its daemon, and of the keeper if it has one. */
  get pids() {
    const pids = managers(this.home)
    if (pids.length !== (this.engine === 'rpm2' ? 2 : 1)) throw new Error(`its daemon is not there: ${pids}`)
    return pids
  }

  /** What `work` gives, and the microseconds of processor time that the daemon and the keeper have used meanwhile. */
  async metered(work) {
    const { pids } = this
    const before = used(pids)
    const result = await work()
    if (this.pids.join() !== pids.join()) throw new Error('its daemon was replaced meanwhile')
    return { result, used: used(pids) - before }
  }
}

module.exports = { Manager }
