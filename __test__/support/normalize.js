'use strict'

const path = require('node:path')

const fixtures = path.join(__dirname, '..', 'fixtures')

// What differs from run to run, by the name of the member.
const VARYING = /^(pid|at|pm_uptime|created_at|unique_id|memory|cpu|axm_options|started_at)$/

/** A value as it is compared: no pids, times and places; errors as their text. */
function normalize(value, home, key = '') {
  if (value instanceof Error) return { error: normalize(value.message, home) }
  if (VARYING.test(key)) return value ? `<${typeof value}>` : value
  if (typeof value === 'string') return value.replaceAll(home, '<home>').replaceAll(fixtures, '<fixtures>')
  if (Array.isArray(value)) return value.map((item) => normalize(item, home))
  if (value === null || typeof value !== 'object') return value
  const entries = Object.keys(value)
    .sort()
    .map((name) => [name, normalize(value[name], home, name)])
  return Object.fromEntries(entries)
}

module.exports = { normalize }
