'use strict'

const { sleeps, used } = require('../contestant/processes')
const { APPS_SETTLE, idleApps, pause, settled, sleepers } = require('./support')

const APPS = 10

/** What the manager of these apps does while nothing happens. */
const withApps = (name, apps, rows) => ({
  name,
  rounds: 3,
  warmUps: 0,
  isIdle: true,
  rows,
  async manager({ manager, amount, check }) {
    const started = await manager.start(apps, APPS)
    await settled(started.map(({ process }) => process.pid))
    await pause(amount(APPS_SETTLE))
    return async () => {
      const seconds = amount(10)
      const { pids } = manager
      const before = [used(pids), sleeps(pids)]
      await pause(seconds * 1000)
      const [time, count] = [used(pids) - before[0], sleeps(pids) - before[1]]
      check(manager.pids.join() === pids.join(), 'its daemon was replaced')
      return { [rows[0].id]: time / 1000 / seconds, [rows[1].id]: count / seconds }
    }
  },
  /** Nothing need be done. */
  async limit() {
    return async () => ({ [rows[0].id]: 0, [rows[1].id]: 0 })
  },
})

module.exports = [
  withApps('idle', idleApps(APPS), [
    { id: 'idle-cpu', title: `idle: daemon's processor time, ${APPS} Node apps`, unit: 'ms/s' },
    { id: 'idle-agent-wakes', title: `idle: daemon's wake-ups, ${APPS} Node apps`, unit: '/s' },
  ]),
  // Apps without an agent: nobody tells the daemon anything.
  withApps('idle-sleep', sleepers(APPS), [
    { id: 'idle-sleep-cpu', title: `idle: daemon's processor time, ${APPS} other apps`, unit: 'ms/s' },
    { id: 'idle-wakes', title: `idle: daemon's wake-ups, ${APPS} other apps`, unit: '/s' },
  ]),
]
