'use strict'

const { fork } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const engines = require('../../__test__/support/engines')
const { freePort } = require('../../__test__/support/free-port')
const { environmentFor } = require('../../__test__/support/home')
const { Load, get, sum } = require('../chaos/load')
const { eventually, sleep } = require('../chaos/wait')

/** The visitors: so many of each kind. */
const VISITORS = {
  single: { count: 8, keepAlive: false, pause: 0 },
  kept: { count: 8, keepAlive: true, pause: 0 },
  pausing: { count: 8, keepAlive: true, pause: 100 },
}

/** Asks the operator for a step, and waits until it is done. */
function ask(operator, step) {
  return new Promise((resolve, reject) => {
    operator.once('message', ({ error, took }) => (error ? reject(new Error(`${step}: ${error}`)) : resolve(took)))
    operator.send(step)
  })
}

/** Reloads under load; what failed and how long it took. */
async function play({ engine, node, reloads, agent, handler, what, balance }) {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'rr-'))
  const port = await freePort()
  const env = { RELOADS_PORT: String(port), ...(handler ? { RELOADS_HANDLER: '1' } : {}) }
  const app = { script: path.join(__dirname, 'web.js'), name: 'web', exec_mode: 'cluster', instances: 2, pmx: agent, env }
  const options = engine === 'rpm2' ? { ...app, interpreter: node, load_balancing: balance } : app
  const operator = fork(path.join(__dirname, 'operator.js'), [engines[engine].module, JSON.stringify(options)], {
    env: environmentFor(home),
    execPath: node,
  })
  const loads = {}
  const times = []
  try {
    await ask(operator, 'start')
    await eventually(() => get({ host: '127.0.0.1', port, agent: false }).catch(() => 0), 'an answer')
    for (const [kind, { count, ...how }] of Object.entries(VISITORS)) {
      loads[kind] = Array.from({ length: count }, () => new Load(port, how))
    }
    await sleep(300)
    for (let count = 0; count < reloads; count++) {
      if (what === 'scale') await ask(operator, 'grow')
      times.push(await ask(operator, what))
    }
    const visits = {}
    for (const [kind, visitors] of Object.entries(loads)) {
      await Promise.all(visitors.map((load) => load.stop()))
      visits[kind] = sum(visitors)
    }
    const handled = fs.readFileSync(path.join(home, 'logs', 'web-out-0.log'), 'utf8').split('handled').length - 1
    return { engine, node: versionOf(node), reloads, what, balance, agent, handler, visits, times, handled }
  } finally {
    for (const load of Object.values(loads).flat()) load.stop().catch(() => {})
    await ask(operator, 'end').catch(() => operator.kill())
    fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

const versionOf = (node) =>
  require('node:child_process').execFileSync(node, ['-p', 'process.version'], { encoding: 'utf8' }).trim()

module.exports = { play }
