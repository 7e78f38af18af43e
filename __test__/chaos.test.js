'use strict'

// A short run of scripts/chaos.js: the daemon is killed again and again, and nothing that counts is lost.

const assert = require('node:assert')
const path = require('node:path')
const { test } = require('node:test')
const { run } = require('./support/run')

const script = path.join(__dirname, '..', 'scripts', 'chaos.js')

test('apps, logs, messages and connections survive the deaths of the daemon', { timeout: 90_000 }, async () => {
  const { stdout, stderr, code } = await run(process.execPath, [script, '--kills', '8', '--seed', '3', '--json'])
  assert.strictEqual(code, 0, stderr)
  const { faults, kills, apps, log, said, told, kept, single, calls } = JSON.parse(stdout)
  assert.deepStrictEqual(faults, [])
  assert.strictEqual(kills, 8)
  assert.deepStrictEqual(apps, { restarts: 0, pids: 0, gone: 0, offline: 0 })
  assert.deepStrictEqual([log.lost, log.broken], [[], 0])
  assert.deepStrictEqual([said.inGap, said.unexplained, told.inGap, told.unexplained], [0, 0, 0, 0])
  assert.deepStrictEqual(kept.failures, [])
  assert.ok(single.failures.length <= 1, JSON.stringify(single.failures))
  assert.deepStrictEqual(calls.refused, [])
  // There was something to lose.
  for (const count of [log.count, said.count, told.count, kept.requests, single.requests, calls.starts]) {
    assert.ok(count > 20, `${count}`)
  }
})
