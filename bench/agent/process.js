'use strict'

const fs = require('node:fs')

/** Microseconds of processor time that a process has used, all threads together. */
function processorTime(pid) {
  const threads = fs.readdirSync(`/proc/${pid}/task`)
  const used = (thread) => Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  return threads.reduce((sum, thread) => sum + used(thread), 0) / 1000
}

/** Kilobytes: all that is in memory, and what is its own alone. */
function memory(pid) {
  const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1])
  return { rss: of('Rss'), own: of('Private_Clean') + of('Private_Dirty') }
}

module.exports = { memory, processorTime }
