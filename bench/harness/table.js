'use strict'

const { format, formatRatio, percent, sumUp } = require('./numbers')

const HEADS = ['figure', 'unit', 'rpm2', 'pm2', 'limit', 'x pm2', 'x limit', 'spread %', 'target']
/** The columns that are text; numbers are aligned to the right. */
const TEXTS = new Set([0, 1, 8])

/** What is to be said of a row's targets: each, and whether it is met. */
function verdictOf({ faults, judged }) {
  if (faults.length > 0) return `NOT COMPARABLE: ${faults.join('; ')}`
  return judged.map(({ name, verdict }) => `${name} ${verdict === 'missed' ? 'MISSED' : verdict}`).join(', ')
}

function cellsOf(row) {
  const { medians, spreads, ratios } = sumUp(row)
  const spread = [spreads.rpm2, spreads.pm2, spreads.limit].map(percent).join(' ')
  const numbers = [format(medians.rpm2), format(medians.pm2), format(medians.limit)]
  return [row.title, row.unit, ...numbers, formatRatio(ratios.pm2), formatRatio(ratios.limit), spread, verdictOf(row)]
}

/** The rows as aligned text. */
function table(rows) {
  const lines = [HEADS, ...rows.map(cellsOf)]
  const widths = HEADS.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)))
  const align = (cell, column) => (TEXTS.has(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))
  return lines.map((cells) => cells.map(align).join('  ').trimEnd()).join('\n')
}

module.exports = { table, verdictOf }
