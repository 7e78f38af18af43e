'use strict'

// A short run of scripts/chaos.js with updates: other versions take over again and again, and nothing at all is lost.

const assert = require('node:assert')
const path = require('node:path')
const { test } = require('node:test')
const { run } = require('./support/run')

const script = path.join(__dirname, '..', 'scripts', 'chaos.js')

test('apps, logs, messages, connections and calls survive updates', { timeout: 90_000 }, async () => {
  const { stdout, stderr } = await run(process.execPath, [script, '--update', '--kills', '6', '--seed', '3', '--json'])
  assert.ok(stdout, stderr)
  const { updates, kills, apps, log, said, told, kept, single, calls } = JSON.parse(stdout)
  assert.deepStrictEqual([updates, kills], [true, 6])
  assert.deepStrictEqual(apps, { restarts: 0, pids: 0, gone: 0, offline: 0 })
  assert.deepStrictEqual([log.lost, log.duplicated, log.broken, log.isOrdered, log.ended], [[], [], 0, true, true])
  for (const { lost, duplicated } of [said, told]) assert.deepStrictEqual([lost, duplicated], [[], []])
  assert.deepStrictEqual([kept.failures, single.failures], [[], []])
  assert.deepStrictEqual([told.unanswered, told.errors, calls.lost, calls.refused], [0, [], 0, []])
  assert.deepStrictEqual([calls.double, calls.dead, calls.orphans, calls.left], [0, 0, 0, 0])
  // There was something to lose.
  for (const count of [log.count, said.count, told.count, kept.requests, single.requests, calls.starts]) {
    assert.ok(count > 20, `${count}`)
  }
})
