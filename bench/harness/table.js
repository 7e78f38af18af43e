'use strict'

const { format, formatRatio, percent, sumUp } = require('./numbers')

const HEADS = ['figure', 'unit', 'rpm2', 'pm2', 'limit', 'x pm2', 'x limit', 'spread %', 'target']
/** The columns that are text; numbers are aligned to the right. */
const TEXTS = new Set([0, 1, 8])

/** What is said of a row's targets: each, and whether it is met; before them the notes why it cannot be compared. */
function verdictOf({ faults, judged }, notes) {
  const verdicts = judged.map(({ name, verdict }) => `${name} ${verdict === 'missed' ? 'MISSED' : verdict}`)
  const marks = faults.map((fault) => `[${notes.indexOf(fault) + 1}]`).join('')
  return [...(marks ? [`NOT COMPARABLE ${marks}`] : []), ...verdicts].join(', ')
}

function cellsOf(row, notes) {
  const { medians, spreads, ratios } = sumUp(row)
  const spread = [spreads.rpm2, spreads.pm2, spreads.limit].map(percent).join(' ')
  const numbers = [format(medians.rpm2), format(medians.pm2), format(medians.limit)]
  const verdict = verdictOf(row, notes)
  return [row.title, row.unit, ...numbers, formatRatio(ratios.pm2), formatRatio(ratios.limit), spread, verdict]
}

/** The rows as aligned text, with notes below on those that cannot be compared. */
function table(rows) {
  const notes = [...new Set(rows.flatMap(({ faults }) => faults))]
  const lines = [HEADS, ...rows.map((row) => cellsOf(row, notes))]
  const widths = HEADS.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)))
  const align = (cell, column) => (TEXTS.has(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))
  const text = lines.map((cells) => cells.map(align).join('  ').trimEnd())
  return [...text, ...notes.map((note, index) => `[${index + 1}] ${note}`)].join('\n')
}

module.exports = { table }
