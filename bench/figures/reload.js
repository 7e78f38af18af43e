'use strict'

const { fork } = require('node:child_process')
const { once } = require('node:events')
const { Load, sum } = require('../../scripts/chaos/load')
const { freePort } = require('../../__test__/support/free-port')
const { app, pause } = require('./support')

const WORKERS = 4
const VISITORS = [
  { count: 4, keepAlive: false, pause: 2 },
  { count: 4, keepAlive: true, pause: 2 },
]

/** Milliseconds that an answer may take. */
const PATIENCE = 2000

/** What `work` takes while visitors come, in milliseconds; how many requests there were, and how many failed. */
async function underLoad(port, work) {
  const loads = VISITORS.flatMap(({ count, ...how }) => Array.from({ length: count }, () => new Load(port, how)))
  try {
    await pause(200)
    const begun = performance.now()
    await work()
    const time = performance.now() - begun
    await pause(200)
    const ends = await Promise.all(
      loads.map((load) => Promise.race([load.stop().then(() => 'ended'), pause(PATIENCE)])),
    )
    const { requests, failures } = sum(loads)
    // Who still waits for an answer gets none any more.
    return { time, requests, failed: failures.length + ends.filter((end) => end !== 'ended').length }
  } finally {
    for (const load of loads) {
      load.stop().catch(() => {})
      load.agent.destroy()
    }
  }
}

module.exports = {
  name: 'reload',
  rounds: 5,
  rows: [
    { id: 'reload', title: `reload of ${WORKERS} workers under load`, unit: 'ms' },
    { id: 'reload-failed', title: 'requests that failed meanwhile', unit: '' },
  ],
  async manager({ manager, check }) {
    const port = await freePort()
    await manager.call('connect')
    const bus = await manager.call('launchBus')
    let left = WORKERS
    const listens = new Promise((resolve) => bus.on('listens', () => --left === 0 && resolve()))
    const env = { PORT: port }
    await manager.start({ script: app('web.js'), name: 'web', exec_mode: 'cluster', instances: WORKERS, env }, WORKERS)
    await listens
    const pids = async () => (await manager.call('list')).map(({ pid }) => pid)
    return async () => {
      const before = await pids()
      const { time, requests, failed } = await underLoad(port, () => manager.call('reload', 'web'))
      const after = await pids()
      const isNew = after.length === WORKERS && !after.some((pid) => before.includes(pid))
      check(isNew, 'not every worker was replaced')
      check(requests > VISITORS.length * 10, `there was no load: ${requests} requests`)
      return { reload: time, 'reload-failed': failed }
    }
  },
  /**
   * So many starts of a worker by Node's own cluster, one after the other, until it listens; in a session of its own, as
   * a manager's is: the system shares processors out among sessions.
   */
  async limit() {
    const port = await freePort()
    const env = { ...process.env, PORT: String(port), WORKERS: String(WORKERS) }
    const primary = fork(app('renews.js'), { env, detached: true })
    await once(primary, 'message')
    return async () => {
      const { time } = await underLoad(port, () => {
        primary.send('renew')
        return once(primary, 'message')
      })
      return { reload: time }
    }
  },
}
