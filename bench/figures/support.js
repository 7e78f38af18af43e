'use strict'

const path = require('node:path')
const { used } = require('../contestant/processes')

const app = (name) => path.join(__dirname, '..', 'apps', name)

const named = (app, count, first) =>
  Array.from({ length: count }, (_, index) => ({ ...app, name: `idle-${first + index}` }))

/** So many Node apps that do nothing and end at once when they are asked to. */
const idleApps = (count, first = 0) => named({ script: app('idle.js') }, count, first)

/** The same of a program that is next to nothing, where it is the number that counts. */
const sleepers = (count, first = 0) =>
  named({ script: '/bin/sleep', args: '100000', interpreter: 'none' }, count, first)

/** Processes count as at rest when all of them together use less than so many microseconds in a tenth of a second. */
const REST = 20_000

/** Waits until these processes have started and do next to nothing any more. */
async function settled(pids) {
  let before = -Infinity
  for (let turn = 0; turn < 200; turn++) {
    const now = used(pids)
    if (now - before < REST) return
    before = now
    await pause(100)
  }
  throw new Error('the apps do not come to rest')
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Milliseconds that `work` takes. */
async function timed(work) {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

/** Milliseconds until an app that has just started is as quiet as it will be: agents say less and less. */
const APPS_SETTLE = 8000

module.exports = { APPS_SETTLE, app, idleApps, pause, settled, sleepers, timed }
