'use strict'

const { median, ratio, spread } = require('./statistics')

/** A number with as many digits as it is worth; `-` if there is none. */
function format(number) {
  if (number === undefined || Number.isNaN(number)) return '-'
  if (Math.abs(number) >= 100) return Math.round(number).toLocaleString('en-US')
  return String(Number(number.toPrecision(3)))
}

/** A factor: small ones as fractions, as the targets have them. */
function formatRatio(factor) {
  if (factor === undefined) return '-'
  return factor > 0 && factor < 0.1 ? `1/${format(1 / factor)}` : format(factor)
}

const percent = (share) => (share === undefined ? '-' : String(Math.round(share * 100)))

/** What a row's values come to: medians, ratios and spreads. */
function sumUp({ values }) {
  const of = (name, what) => (values[name]?.length > 0 ? what(values[name]) : undefined)
  const all = (what) => ({ rpm2: of('rpm2', what), pm2: of('pm2', what), limit: of('limit', what) })
  const against = (name) => (values.rpm2 && values[name] ? ratio(values.rpm2, values[name]) : undefined)
  return { medians: all(median), spreads: all(spread), ratios: { pm2: against('pm2'), limit: against('limit') } }
}

module.exports = { format, formatRatio, percent, sumUp }
