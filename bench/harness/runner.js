'use strict'

const { BUSY, isBusy } = require('./busy')
const { judgeGrowth } = require('./growth')
const { judge } = require('./judge')
const targets = require('../targets')
const { Contestant } = require('./contestants')

/** The names in turn, begun elsewhere each round, so that nobody is always the first. */
const turned = (names, round) => names.map((_, index) => names[(index + round) % names.length])

/** The rows of a figure before anything is measured. */
const blankRows = (figure) =>
  figure.rows.map((row) => ({ better: 'less', ...row, figure: figure.name, values: {}, faults: [] }))

/** Puts what one contestant measured in one round into the rows; `round` below 0 is to warm up and counts for nothing. */
function record(rows, name, round, { values = {}, faults = [] }) {
  for (const row of rows) {
    for (const { id, reason } of faults) if (!id || id === row.id) blame(row, reason)
    if (round >= 0 && values[row.id] !== undefined) (row.values[name] ??= [])[round] = values[row.id]
  }
}

const blame = (row, reason) => row.faults.includes(reason) || row.faults.push(reason)

/** Opens the contestants one after the other, has them measure in turns, and ends them all. */
async function play(figure, rows, { rounds, ...place }) {
  const contestants = new Map()
  const attempt = async (name, work) => {
    try {
      return await work()
    } catch (error) {
      for (const row of rows) blame(row, error.message)
      contestants.get(name)?.close()
      contestants.delete(name)
      return {}
    }
  }
  try {
    for (const name of figure.contestants ?? ['rpm2', 'pm2', 'limit']) {
      contestants.set(name, new Contestant(name, figure, place))
      record(rows, name, -1, await attempt(name, () => contestants.get(name).ask('open')))
    }
    for (let round = -(figure.warmUps ?? 1); round < rounds; round++) {
      const turn = (name) => contestants.has(name) && attempt(name, () => contestants.get(name).ask('measure'))
      const names = turned([...contestants.keys()], round + rounds + 1)
      // What only waits and looks is done by all at once.
      const answers = figure.isIdle ? await Promise.all(names.map(turn)) : []
      for (const [index, name] of names.entries())
        record(rows, name, round, answers[index] ?? ((await turn(name)) || {}))
    }
  } finally {
    for (const contestant of contestants.values()) contestant.close()
  }
}

/** Measures one figure: its rows, with what was wrong, and the calibration before and after. */
async function measure(figure, { calibration, rounds, quick, folder }) {
  const rows = blankRows(figure)
  const before = await calibration.settle()
  await play(figure, rows, { rounds: rounds ?? (quick ? 2 : (figure.rounds ?? 7)), quick, folder })
  const after = await calibration.measure()
  // What is no matter of time does not mind company.
  if (!figure.isTimeless) for (const row of rows) row.calibration = { before, after }
  return rows
}

/** Once everything is measured: which rows cannot be compared after all, and how the others stand to their targets. */
function finish(rows, best) {
  for (const row of rows) {
    if (!row.values.rpm2 && row.faults.length === 0) blame(row, 'rpm2: nothing was measured')
    if (row.calibration && isBusy(row.calibration, best)) blame(row, BUSY)
    row.judged = judge(targets[row.id], row.values)
  }
  judgeGrowth(rows)
}

module.exports = { finish, measure, record, turned }
