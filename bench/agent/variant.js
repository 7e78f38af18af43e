'use strict'

// node variant.js <engine> <pmx>: serves one way of running the app to bench/agent.js, with a daemon of its own.
// Each order is answered with a measurement.

const path = require('node:path')
const { load } = require('./load')
const { memory, processorTime } = require('./process')
const engines = require('../../__test__/support/engines')

const [engine, pmx] = process.argv.slice(2)
const pm2 = require(engines[engine].module)
const script = path.join(__dirname, 'app.js')

const call = (method, ...args) =>
  new Promise((resolve, reject) => pm2[method](...args, (error, result) => (error ? reject(error) : resolve(result))))
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
let bus
let serving

/** Starts the app: its process id, port, and the milliseconds from the start of its Node to its first message. */
async function start() {
  const told = (event) => new Promise((resolve) => bus.on(event, ({ data }) => resolve(data)))
  const [up, port] = [told('up'), told('port')]
  await call('start', { script, name: 'app', pmx: pmx === 'true', merge_logs: true })
  const app = { ms: (await up).ms, port: (await port).port }
  for (const event of ['up', 'port']) bus.off(event)
  const [{ pid }] = await call('list')
  return { ...app, pid }
}

const orders = {
  /** Milliseconds to the first message. */
  async startup() {
    const { ms } = await start()
    await call('delete', 'app')
    return { ms }
  },
  /** Starts an app that has served enough to be at its best. */
  async serve() {
    serving = await start()
    await load(serving.port, 30_000)
    return {}
  },
  /** Microseconds of processor time for 1000 requests to it. */
  async requests() {
    const before = processorTime(serving.pid)
    await load(serving.port, 1000)
    return { used: processorTime(serving.pid) - before }
  },
  async leave() {
    await call('delete', 'app')
    return {}
  },
  /** Microseconds of processor time a second, and kilobytes, of an app that does nothing. */
  async idle(seconds) {
    const { pid } = await start()
    await pause(8000)
    const from = process.hrtime.bigint()
    const before = processorTime(pid)
    await pause(seconds * 1000)
    const used = (processorTime(pid) - before) / (Number(process.hrtime.bigint() - from) / 1e9)
    const { rss, own } = memory(pid)
    await call('delete', 'app')
    return { used, rss, own }
  },
  async end() {
    await call('killDaemon').catch(() => {})
    process.exit()
  },
}

async function main() {
  await call('connect')
  bus = await call('launchBus')
  process.on('message', async ({ order, argument }) => {
    const answer = await orders[order](argument).catch((error) => ({ error: String(error) }))
    process.send(answer)
  })
  process.send('ready')
}

main()
