#!/usr/bin/env node
'use strict'

// For platforms that the shell launcher cannot tell apart, and to say what is wrong when there is nothing to run.

const { spawn } = require('node:child_process')
const { constants } = require('node:os')
const { locate } = require('../js/binaries')

// Signals that somebody may send to this process but mean for the program.
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']

function fail(message) {
  process.stderr.write(`rpm2: ${message}\n`)
  process.exitCode = 127
}

function run(executable) {
  let child
  // Before the program is there: none that comes then may end this process alone.
  for (const signal of forwarded) process.on(signal, () => child?.kill(signal))
  child = spawn(executable, process.argv.slice(2), { stdio: 'inherit' })
  child.on('error', (error) => fail(`cannot run ${executable}: ${error.message}`))
  child.on('exit', (code, signal) => {
    if (!signal) {
      process.exitCode = code
      return
    }
    // Whoever waits for us sees the same death.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
    process.exitCode = 128 + constants.signals[signal]
  })
}

try {
  run(locate().executable)
} catch (error) {
  fail(error.message)
}
