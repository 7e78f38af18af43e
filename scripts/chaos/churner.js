'use strict'

const { fork } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { isAlive } = require('./place')
const { eventually, within } = require('./wait')

// Longer than the apps' kill_timeout and all that comes after it.
const SETTLED = 10_000

/** churn.js in a process of its own. */
class Churner {
  constructor(place, session, seed) {
    this.place = place
    this.session = session
    this.child = fork(path.join(__dirname, 'churn.js'), [place.home, String(seed)])
    this.result = new Promise((resolve, reject) => {
      this.child.once('message', resolve)
      this.child.once('exit', (code) => reject(new Error(`churn.js ended with ${code}`)))
    })
    this.result.catch(() => {})
  }

  async #listed() {
    return (await this.session.list()).filter(({ name }) => name.startsWith('churn-'))
  }

  /** Ends the calls, waits until all is settled, deletes everything: what was wrong. */
  async finish() {
    this.child.send('end')
    const totals = await within(30_000, this.result, "churn's end")
    const isSettled = ({ pm2_env }) => !['launching', 'stopping', 'waiting restart'].includes(pm2_env.status)
    let stuck = 0
    const settled = async () => (await this.#listed()).every(isSettled)
    await eventually(settled, 'settled', SETTLED).catch(async () => {
      stuck = (await this.#listed()).filter((process) => !isSettled(process)).length
    })
    const names = (await this.#listed()).map(({ name }) => name)
    const double = names.length - new Set(names).size
    // Some apps end and are started again meanwhile: what is wrong must stay wrong.
    let strays
    const none = async () => (strays = await this.#strays()).every((count) => count === 0)
    await eventually(none, 'no strays', 3000).catch(() => {})
    const [dead, orphans] = strays
    for (const { pm_id } of await this.#listed()) await this.session.delete(pm_id)
    const left = this.#pids().filter(isAlive).length
    return { ...totals, starts: this.#pids().length, stuck, double, dead, orphans, left }
  }

  /** Processes that are called online and do not run, and those that run and nobody knows of. */
  async #strays() {
    const apps = await this.#listed()
    const known = new Set(apps.map(({ pid }) => pid))
    const dead = apps.filter(({ pid, pm2_env }) => pm2_env.status === 'online' && !isAlive(pid))
    return [dead.length, this.#pids().filter((pid) => isAlive(pid) && !known.has(pid)).length]
  }

  end() {
    this.child.kill('SIGKILL')
  }

  #pids() {
    try {
      return fs.readFileSync(this.place.file('started'), 'utf8').trim().split('\n').map(Number)
    } catch {
      return []
    }
  }
}

module.exports = { Churner }
