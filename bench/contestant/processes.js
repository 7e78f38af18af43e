'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { processorTime } = require('../agent/process')
const { textOf } = require('./place')

const numberIn = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? NaN)
const childrenOf = (pid) => textOf(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)

/** The processes of the manager whose home this is: its daemon, and the keeper if it has one. */
function managers(home) {
  const first = Number(textOf(path.join(home, 'pm2.pid')))
  if (!first) return []
  const isDaemon = (pid) => textOf(`/proc/${pid}/cmdline`).endsWith('\0daemon\0')
  return [first, ...childrenOf(first).filter(isDaemon)]
}

/** Microseconds of processor time they have used. */
const used = (pids) => pids.reduce((sum, pid) => sum + processorTime(pid), 0)

/** Megabytes in memory: proportional (shared pages by parts) and resident. */
function memory(pids) {
  const texts = pids.map((pid) => textOf(`/proc/${pid}/smaps_rollup`))
  const sum = (name) => texts.reduce((total, text) => total + numberIn(text, name), 0) / 1024
  return { pss: sum('Pss'), rss: sum('Rss') }
}

/** How often their threads went to sleep, and so had to be woken. */
function sleeps(pids) {
  const threads = pids.flatMap((pid) =>
    fs.readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`),
  )
  return threads.reduce((sum, thread) => sum + numberIn(textOf(`${thread}/status`), 'voluntary_ctxt_switches'), 0)
}

module.exports = { managers, memory, sleeps, used }
