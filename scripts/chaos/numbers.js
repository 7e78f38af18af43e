'use strict'

const fs = require('node:fs')

/** What is missing of the numbers 0 to `count` - 1, and how many came more than once. */
function compare(count, seen) {
  const times = new Map()
  for (const number of seen) times.set(number, (times.get(number) ?? 0) + 1)
  const lost = []
  for (let number = 0; number < count; number++) if (!times.has(number)) lost.push(number)
  const duplicated = [...times].filter(([, count]) => count > 1).map(([number]) => number)
  return { count, lost, duplicated }
}

/**
 * The lines of writer.js in a log, dated or not: how many were written, which are lost, double, not whole, or dated
 * other than once.
 */
function checkLog({ file, isDated }) {
  const date = isDated ? '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d: ' : ''
  const [ordinary, last] = [new RegExp(`^${date}line (\\d+) (x*)$`), new RegExp(`^${date}end (\\d+)$`)]
  const lines = fs.readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const seen = []
  let count = -1
  let broken = 0
  for (const line of lines) {
    const numbered = ordinary.exec(line)
    const end = last.exec(line)
    if (numbered && numbered[2].length === (Number(numbered[1]) + 1) % 100) seen.push(Number(numbered[1]))
    else if (end) count = Number(end[1])
    else broken++
  }
  const isOrdered = seen.every((number, at) => at === 0 || seen[at - 1] < number)
  return { ...compare(count, seen), ended: count >= 0, broken, isOrdered }
}

/** Several logs as if they were one. */
function addUp(logs) {
  return {
    count: logs.reduce((total, { count }) => total + count, 0),
    lost: logs.flatMap(({ lost }) => lost),
    duplicated: logs.flatMap(({ duplicated }) => duplicated),
    broken: logs.reduce((total, { broken }) => total + broken, 0),
    ended: logs.every(({ ended }) => ended),
    isOrdered: logs.every(({ isOrdered }) => isOrdered),
  }
}

module.exports = { addUp, checkLog, compare }
