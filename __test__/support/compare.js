'use strict'

const { fork } = require('node:child_process')
const path = require('node:path')
const { environmentFor, eventually, makeHome } = require('./home')

/** Plays a scenario against an engine in a new home; its record. */
const play = async (engine, scenario) => (await playWhole(engine, scenario)).records

/** The same, with what it made use of: `{ records, uses }`. */
async function playWhole(engine, scenario) {
  const { home, daemonPid, remove } = makeHome()
  try {
    const { message, code, errors } = await runInChild(engine, scenario, home)
    if (code !== 0) throw new Error(`${path.basename(scenario)} against ${engine} ended with ${code}:\n${errors}`)
    // pm2's daemon answers a little before it is gone.
    await eventually(() => !daemonPid(), `${engine}'s daemon ends with killDaemon`)
    return message
  } finally {
    await remove()
  }
}

function runInChild(engine, scenario, home) {
  const child = fork(path.join(__dirname, 'run-scenario.js'), [engine, scenario], {
    env: environmentFor(home),
    cwd: path.join(__dirname, '..', 'fixtures'),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  return new Promise((resolve) => {
    let message
    let errors = ''
    child.on('message', (sent) => (message = sent))
    child.stderr.on('data', (chunk) => (errors += chunk))
    child.on('close', (code) => resolve({ message, code, errors }))
  })
}

module.exports = { play, playWhole }
