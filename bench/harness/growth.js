'use strict'

const { format } = require('./numbers')
const { median } = require('./statistics')

/** How much more than the number of apps a figure may grow before it counts: it is measured, not computed. */
const TOLERANCE = 1.25

/** How the rows of `--growth` stand to the same with fewer apps: nothing may grow faster than the number of apps. */
function judgeGrowth(rows) {
  const grown = rows.filter(({ growth, values }) => growth && values.rpm2)
  for (const row of grown) {
    const { what, size } = row.growth
    const smaller = grown.filter(({ growth }) => growth.what === what && growth.size < size).at(-1)
    if (!smaller) continue
    const times = size / smaller.growth.size
    const [measured, base] = [median(row.values.rpm2), median(smaller.values.rpm2)]
    const name = `<= ${format(times)}x at ${format(smaller.growth.size)}`
    // What is nothing at all may become anything.
    const met = base === 0 || measured <= base * times * TOLERANCE
    row.judged = [{ name, verdict: met ? 'met' : 'missed', measured: measured / base, bound: times }]
  }
}

module.exports = { judgeGrowth }
