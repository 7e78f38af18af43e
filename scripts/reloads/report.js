'use strict'

const KINDS = ['single', 'kept', 'pausing']

const cells = (values, widths) => values.map((value, index) => String(value).padEnd(widths[index])).join('  ')
const WIDTHS = [6, 10, 6, 6, 8, 8, 16, 16, 16, 12, 12]

function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)]
}

/** The first line of the table. */
function heading() {
  const kinds = KINDS.map((kind) => `${kind}: failed/of`)
  return cells(['engine', 'node', 'what', 'agent', 'handler', 'reloads', ...kinds, 'median ms', 'longest ms'], WIDTHS)
}

/** One run's line. */
function row({ engine, node, what, agent, handler, reloads, visits, times, handled }) {
  const counts = KINDS.map((kind) => `${visits[kind].failures.length}/${visits[kind].requests}`)
  const ran = handler ? `${handled}x` : 'none'
  return cells(
    [engine, node, what, agent ? 'on' : 'off', ran, reloads, ...counts, median(times).toFixed(0), Math.max(...times).toFixed(0)],
    WIDTHS,
  )
}

module.exports = { heading, row }
