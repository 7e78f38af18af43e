'use strict'

// Apps that make it hard for the agent: neither comes to harm.

const assert = require('node:assert')
const { describe, test } = require('node:test')
const { runApp } = require('./support/agent')
const { nodes } = require('./support/nodes')

const ways = ['send', 'timers', 'clock', 'disconnect', 'listeners', 'environment', 'nonsense', 'drain', 'rejection']

for (const node of nodes()) {
  describe(`odd apps on ${node}`, { concurrency: 4, timeout: 120_000 }, () => {
    for (const way of [...ways, 'members', 'stack']) {
      test(way, async () => {
        const { code, signal, stdout, stderr, messages } = await runApp(node, 'odd.js', { args: [way] })
        assert.deepStrictEqual([code, signal, stdout, stderr], [0, null, 'alive\n', ''])
        assert.strictEqual(messages.some(({ type }) => type === 'axm:monitor'), way !== 'disconnect')
      })
    }
  })
}
