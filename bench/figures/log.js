'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { used } = require('../contestant/processes')
const { text } = require('../apps/lines')
const { app, pause } = require('./support')

const MEGABYTES = 200
const PATIENCE = 60_000
const chunk = Buffer.from(text)

const rowsFor = (mode) => [
  { id: `log-${mode}`, title: `log of 100-byte lines, ${mode} mode`, unit: 'MB/s', better: 'more' },
  { id: `log-${mode}-cpu`, title: `... daemon's processor time for each MB, ${mode} mode`, unit: 'ms' },
]

/** Until the file has so many bytes. */
async function filled(file, bytes) {
  const end = performance.now() + PATIENCE
  for (;;) {
    const { size } = fs.statSync(file)
    if (size >= bytes) return
    if (performance.now() > end) throw new Error(`${size} of ${bytes} bytes are in the log after ${PATIENCE / 1000} s`)
    await pause(1)
  }
}

/** Whether the file has these bytes again and again, and nothing else. */
function isWhole(file, bytes) {
  const descriptor = fs.openSync(file, 'r')
  const part = Buffer.alloc(chunk.length)
  let read = 0
  while (fs.readSync(descriptor, part) === part.length && part.equals(chunk)) read += part.length
  fs.closeSync(descriptor)
  return read === bytes && fs.statSync(file).size === bytes
}

/** Has the lines written; megabytes a second until the last one is in the file, which is emptied. */
async function write(file, megabytes, check, id, go) {
  const bytes = megabytes * 1_000_000
  const begun = performance.now()
  await go()
  await filled(file, bytes)
  const seconds = (performance.now() - begun) / 1000
  check(isWhole(file, bytes), 'the log has other bytes than were written', id)
  fs.truncateSync(file)
  return megabytes / seconds
}

/** The app with a manager, nobody listening. */
async function managed({ manager, home, amount, check }, mode) {
  const file = path.join(home, 'out.log')
  await manager.call('connect')
  const bus = await manager.call('launchBus')
  const listens = new Promise((resolve) => bus.on('listens', resolve))
  const env = { WRITES: String(amount(MEGABYTES)) }
  const options = { script: app('writes.js'), name: 'writes', output: file, merge_logs: true, exec_mode: mode, env }
  const [{ pm2_env }] = await manager.start(options)
  await listens
  // The bus and the calls are one connection to users; whoever does not listen reconnects without the bus.
  await manager.call('disconnect')
  await manager.call('connect')
  const go = () => manager.call('sendDataToProcessId', { id: pm2_env.pm_id, type: 'go', topic: 'go', data: {} })
  return async () => {
    const id = `log-${mode}`
    const { result, used } = await manager.metered(() => write(file, amount(MEGABYTES), check, id, go))
    return { [id]: result, [`${id}-cpu`]: used / 1000 / amount(MEGABYTES) }
  }
}

/** The app with a file as its standard output, and, for the processor time of who comes between, with `cat`. */
async function direct({ home, amount, check }, mode) {
  const megabytes = amount(MEGABYTES)
  const [file, other] = ['direct.log', 'cat.log'].map((name) => path.join(home, name))
  const launch = async (stdout) => {
    const env = { ...process.env, WRITES: String(megabytes) }
    const child = spawn(process.execPath, [app('writes.js')], { stdio: ['ignore', stdout, 'inherit', 'ipc'], env })
    await new Promise((resolve) => child.once('message', resolve))
    return child
  }
  const cat = spawn('/bin/cat', [], { stdio: ['pipe', fs.openSync(other, 'a'), 'inherit'] })
  const writer = await launch(fs.openSync(file, 'a'))
  const piped = await launch(cat.stdin)
  return async () => {
    const id = `log-${mode}`
    const rate = await write(file, megabytes, check, id, async () => writer.send({}))
    const before = used([cat.pid])
    await write(other, megabytes, check, `${id}-cpu`, async () => piped.send({}))
    return { [id]: rate, [`${id}-cpu`]: (used([cat.pid]) - before) / 1000 / megabytes }
  }
}

const inMode = (mode, contestants) => ({
  name: `log-${mode}`,
  contestants,
  rows: rowsFor(mode),
  manager: (tools) => managed(tools, mode),
  limit: (tools) => direct(tools, mode),
})

// pm2 in cluster mode logs nothing for a program that waits for its output to be taken.
module.exports = [inMode('fork'), inMode('cluster', ['rpm2', 'limit'])]
