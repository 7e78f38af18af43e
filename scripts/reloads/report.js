'use strict'

const KINDS = ['single', 'kept', 'pausing']

const cells = (values, widths) => values.map((value, index) => String(value).padEnd(widths[index])).join('  ')
const WIDTHS = [6, 10, 6, 17, 6, 8, 8, 16, 16, 16, 12, 12]

function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)]
}

/** The first line of the table. */
function heading() {
  const kinds = KINDS.map((kind) => `${kind}: failed/of`)
  const names = ['engine', 'node', 'what', 'balance', 'agent', 'handler', 'reloads', ...kinds, 'median ms', 'longest ms']
  return cells(names, WIDTHS)
}

/** One run's line. */
function row({ engine, node, what, balance, agent, handler, reloads, visits, times, handled }) {
  const counts = KINDS.map((kind) => `${visits[kind].failures.length}/${visits[kind].requests}`)
  const ran = handler ? `${handled}x` : 'none'
  const took = [median(times), Math.max(...times)].map((time) => time.toFixed(0))
  return cells([engine, node, what, balance, agent ? 'on' : 'off', ran, reloads, ...counts, ...took], WIDTHS)
}

module.exports = { heading, row }
