'use strict'

const { spawn } = require('node:child_process')
const { memory } = require('../contestant/processes')
const { APPS_SETTLE, idleApps, pause, settled } = require('./support')

const SIZES = [0, 10, 100]

/** Requests before it is looked: a daemon that has never been asked anything is no daemon at work. */
const REQUESTS = 20

module.exports = {
  name: 'memory',
  rounds: 2,
  warmUps: 0,
  isTimeless: true,
  rows: [
    ...SIZES.map((size) => ({ id: `pss-${size}`, title: `memory of daemon + keeper, PSS, ${size} apps`, unit: 'MB' })),
    ...SIZES.map((size) => ({ id: `rss-${size}`, title: `memory of daemon + keeper, RSS, ${size} apps`, unit: 'MB' })),
  ],
  async manager({ manager, amount, check }) {
    return async () => {
      const values = {}
      await manager.call('connect')
      let running = 0
      for (const size of SIZES) {
        if (size > running) await manager.start(idleApps(size - running, running), size - running)
        running = size
        let list = await manager.call('list')
        await settled(list.map(({ pid }) => pid))
        for (let count = 0; count < REQUESTS; count++) list = await manager.call('list')
        check(list.length === size, `${list.length} apps are listed, not ${size}`)
        await pause(amount(APPS_SETTLE))
        const { pss, rss } = memory(manager.pids)
        Object.assign(values, { [`pss-${size}`]: pss, [`rss-${size}`]: rss })
      }
      // The next round has a new daemon.
      await manager.call('killDaemon')
      return values
    }
  },
  async limit() {
    const sleepers = [0, 1].map(() => spawn('/bin/sleep', ['100000'], { stdio: 'ignore' }).pid)
    return async () => {
      const { pss, rss } = memory(sleepers)
      return Object.fromEntries(
        SIZES.flatMap((size) => [
          [`pss-${size}`, pss],
          [`rss-${size}`, rss],
        ]),
      )
    }
  },
}
