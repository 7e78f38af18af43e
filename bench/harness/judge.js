'use strict'

const { median, ratio } = require('./statistics')

const share = (number) => (number >= 0.1 ? String(Number(number.toFixed(2))) : `1/${Math.round(1 / number)}`)

/** A target as people read it: `<= 2x limit + 5`. */
function nameOf({ most, least, of, plus }) {
  const bound = most ?? least
  const amount = of ? `${share(bound)}x ${of}` : String(bound)
  return `${most === undefined ? '>=' : '<='} ${amount}${plus ? ` + ${plus}` : ''}`
}

/** What is to be compared with what: the measured, and the bound, of one target; undefined if there is no telling. */
function sidesOf({ most, least, of, plus = 0 }, values) {
  const bound = most ?? least
  if (!of) return { measured: median(values.rpm2), bound }
  const times = values[of]?.length > 0 ? ratio(values.rpm2, values[of]) : undefined
  if (times === undefined) return undefined
  if (plus === 0) return { measured: times, bound }
  const differences = values.rpm2.map((value, round) => value - bound * values[of][round]).filter(Number.isFinite)
  return { measured: median(differences), bound: plus }
}

/** Whether a row reaches one target: `met`, `missed` and by how much, or `unknown`. */
function judgeOne(target, values) {
  const name = nameOf(target)
  const sides = values.rpm2?.length > 0 ? sidesOf(target, values) : undefined
  if (!sides) return { name, verdict: 'unknown' }
  const { measured, bound } = sides
  const met = target.most === undefined ? measured >= bound : measured <= bound
  return { name, verdict: met ? 'met' : 'missed', measured, bound }
}

/** A row's values, by contestant, against its targets. */
const judge = (targets = [], values) => targets.map((target) => judgeOne(target, values))

module.exports = { judge, nameOf }
