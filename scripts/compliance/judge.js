'use strict'

const assert = require('node:assert')
const { playWhole } = require('../../__test__/support/compare')

/** Plays one scenario against both: what it used, what it is better in, and the first difference if there is one. */
async function judge(scenario) {
  const { title, better = {}, events = [], onlyRefuses = false } = require(scenario)
  const verdict = { title, events, functions: [], attributes: [] }
  try {
    const oracle = await playWhole('pm2', scenario)
    Object.assign(verdict, oracle.uses)
    // That a wrong value is refused says nothing of what a right one does.
    if (onlyRefuses) verdict.attributes = []
    const ours = await playWhole('rpm2', scenario)
    oracle.records.forEach(([label, value], index) => {
      const expected = [label, label in better ? better[label] : value]
      assert.deepStrictEqual(ours.records[index], expected, `at «${label}»`)
    })
    assert.strictEqual(ours.records.length, oracle.records.length, 'as many records')
  } catch (error) {
    verdict.difference = error.message.split('\n')[0]
  }
  return verdict
}

module.exports = { judge }
