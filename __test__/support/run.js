'use strict'

const { spawn } = require('node:child_process')

const DEADLINE = 60_000

/** Runs a program to its end: what it printed and how it ended. `onOutput` sees all of the output so far. */
function run(command, args, { onOutput, ...options } = {}) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE,
    killSignal: 'SIGKILL',
    ...options,
  })
  return new Promise((resolve, reject) => {
    const result = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (chunk) => {
        result[name] += chunk
        onOutput?.(result, child)
      })
    }
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ ...result, code, signal }))
  })
}

/** Runs JavaScript text in a Node of its own. */
const runScript = (text, { node = process.execPath, flags = [], ...options } = {}) =>
  run(node, [...flags, '-e', text], options)

module.exports = { run, runScript }
