'use strict'

/** What came of one feature: of the scenarios that use it. */
function outcome(kind, { name, better }, verdicts, exists) {
  const using = verdicts.filter((verdict) => verdict[kind].includes(name))
  if (!exists) return 'missing'
  if (using.some((verdict) => verdict.difference)) return 'different'
  if (better) return 'better'
  return using.length > 0 ? 'same' : 'not compared'
}

/** The table, and how many rows of it are not as they should be. */
function lines(features, verdicts) {
  const rows = []
  for (const [kind, list] of Object.entries(features)) {
    for (const feature of list) {
      const result = outcome(kind, feature, verdicts, feature.exists)
      rows.push([kind.slice(0, -1), feature.name, result, feature.better ?? ''])
    }
  }
  const counts = {}
  for (const [, , result] of rows) counts[result] = (counts[result] ?? 0) + 1
  const wrong = rows.filter(([, , result]) => !['same', 'better'].includes(result)).length
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)))
  const shown = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd())
  const summary = Object.entries(counts).map(([result, count]) => `${count} ${result}`)
  return { text: `${shown.join('\n')}\n\n${summary.join(', ')}`, wrong }
}

module.exports = { lines }
