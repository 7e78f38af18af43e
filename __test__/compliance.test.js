'use strict'

// The drop-in proof: each scenario is played against pm2 itself and against rpm2, and must leave the same record.
// RPM2_COMPLIANCE=pm2 plays them against pm2 alone, for writing new ones.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { play } = require('./support/compare')

const folder = path.join(__dirname, 'scenarios')
const onlyOracle = process.env.RPM2_COMPLIANCE === 'pm2'

describe('rpm2 behaves as pm2', { concurrency: 2 }, () => {
  for (const file of fs.readdirSync(folder).sort()) {
    const scenario = path.join(folder, file)
    const { title, expected, better } = require(scenario)
    test(title, { timeout: 140_000 }, async () => {
      const oracle = await play('pm2', scenario)
      assert.ok(oracle.length > 0, 'the scenario records something')
      // What the scenario is about is written down in it: an engine that does nothing cannot pass.
      for (const [label, value] of Object.entries(expected ?? {})) {
        assert.deepStrictEqual(Object.fromEntries(oracle)[label], value, `pm2: ${label}`)
      }
      if (onlyOracle) return
      const ours = await play('rpm2', scenario)
      // One by one: a difference is shown alone, with its label.
      oracle.forEach(([label, value], index) => {
        // Where rpm2 does better on purpose, the scenario says what it does.
        assert.deepStrictEqual(ours[index], [label, better && label in better ? better[label] : value])
      })
      assert.strictEqual(ours.length, oracle.length)
    })
  }
})
