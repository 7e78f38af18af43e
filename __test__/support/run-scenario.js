'use strict'

// node run-scenario.js <engine> <scenario>: plays a scenario against one of the engines, in a process of its own, and
// sends its record to the parent.

const path = require('node:path')
const engines = require('./engines')
const { eventually } = require('./home')
const { normalize } = require('./normalize')

const [engine, scenario] = process.argv.slice(2)
const home = process.env.PM2_HOME
const pm2 = require(engines[engine].module)
const records = []
/** What the scenario made use of: the report on compliance counts it as compared. */
const uses = { functions: new Set(), attributes: new Set() }

/** Notes a function, and the attributes of every declaration among its arguments. */
function note(method, args) {
  uses.functions.add(method)
  const look = (value) => {
    if (Array.isArray(value)) value.forEach(look)
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return
    look(value.apps)
    for (const name of Object.keys(value)) uses.attributes.add(name)
  }
  if (['start', 'restart', 'reload'].includes(method)) args.forEach(look)
}

/** Calls with a callback: `[error, result]`. */
const call = (method, ...args) => {
  note(method, args)
  return new Promise((resolve) => pm2[method](...args, (error, result) => resolve([error, result])))
}

/** The same where an error is not expected. */
async function ok(method, ...args) {
  const [error, result] = await call(method, ...args)
  if (error) throw Array.isArray(error) ? error[0] : error
  return result
}

/** Writes down what is to be the same in both engines. */
const record = (label, value) => records.push([label, normalize(value, home)])

/** Calls and writes down the answer. */
async function recordCall(method, ...args) {
  // Before the call: pm2 changes its callers' objects.
  const label = `${method}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`
  const [error, result] = await call(method, ...args)
  record(label, { error, result })
}

const last = () => JSON.stringify(records.at(-1) ?? 'nothing').slice(0, 1000)

const fixture = (name) => path.join(__dirname, '..', 'fixtures', name)

/** Opens the bus and keeps every event that `keep` makes something of. */
async function listen(pattern, keep) {
  const bus = await ok('launchBus')
  const seen = []
  bus.on(pattern, (...args) => {
    const kept = keep(...args)
    if (kept !== undefined) seen.push(kept)
  })
  return { bus, seen }
}

/** Starts the app that `settle` asks. Like every fixture that is sent something, it says when it listens. */
const startMarker = () => ok('start', { script: fixture('marker.js'), name: 'marker', wait_ready: true })

/** The bus is in order: once a message of the app `marker` is here, so is everything before it. */
async function settle(bus) {
  const [{ pm_id: id }] = await ok('describe', 'marker')
  const arrived = new Promise((resolve) => bus.on('marker', resolve))
  await ok('sendDataToProcessId', id, { topic: true, data: {} })
  await arrived
  bus.off('marker')
}

async function main() {
  const { run } = require(path.resolve(scenario))
  const timer = setTimeout(() => {
    console.error(`not finished; last: ${last()}`)
    process.exit(3)
  }, 60_000)
  await run({ pm2, call, ok, record, recordCall, fixture, listen, startMarker, settle, eventually, home, engine })
  await ok('killDaemon')
  clearTimeout(timer)
  const lists = { functions: [...uses.functions], attributes: [...uses.attributes] }
  process.send({ records, uses: lists }, () => process.exit())
}

main().catch((error) => {
  console.error(error, `\nlast: ${last()}`)
  process.exit(2)
})
