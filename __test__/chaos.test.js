'use strict'

// Short runs of scripts/chaos.js: the daemon is killed again and again, and nothing that counts is lost.

const assert = require('node:assert')
const path = require('node:path')
const { test } = require('node:test')
const { run } = require('./support/run')

const script = path.join(__dirname, '..', 'scripts', 'chaos.js')

// What is in the daemon's memory when it dies (docs/survival.md) is for the long run to count: `npm run chaos`. A short
// one asserts what holds at every single kill.
test('apps, logs, messages and connections survive the deaths of the daemon', { timeout: 90_000 }, async () => {
  const { stdout, stderr } = await run(process.execPath, [script, '--kills', '8', '--seed', '3', '--json'])
  assert.ok(stdout, stderr)
  const { kills, apps, log, said, told, kept, single, calls } = JSON.parse(stdout)
  assert.strictEqual(kills, 8)
  assert.deepStrictEqual(apps, { restarts: 0, pids: 0, gone: 0, offline: 0 })
  assert.deepStrictEqual([log.lost, log.duplicated, log.broken, log.isOrdered, log.ended], [[], [], 0, true, true])
  assert.deepStrictEqual([said.inGap, told.inGap], [0, 0])
  assert.deepStrictEqual(kept.failures, [])
  assert.deepStrictEqual([calls.double, calls.dead, calls.orphans, calls.left], [0, 0, 0, 0])
  // There was something to lose.
  for (const count of [log.count, said.count, told.count, kept.requests, single.requests, calls.starts]) {
    assert.ok(count > 20, `${count}`)
  }
})

test('in kernel mode no request at all fails', { timeout: 90_000 }, async () => {
  const { stdout, stderr } = await run(process.execPath, [script, '--kills', '6', '--balance', 'kernel', '--json'])
  assert.ok(stdout, stderr)
  const { kills, apps, kept, single } = JSON.parse(stdout)
  assert.strictEqual(kills, 6)
  assert.deepStrictEqual(apps, { restarts: 0, pids: 0, gone: 0, offline: 0 })
  assert.deepStrictEqual([kept.failures, single.failures], [[], []])
  assert.ok(kept.requests > 20 && single.requests > 20)
})
