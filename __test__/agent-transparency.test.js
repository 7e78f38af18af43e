'use strict'

// An app behaves with the agent as it does without, on every Node.

const assert = require('node:assert')
const fs = require('node:fs')
const { describe, test } = require('node:test')
const { agent, runApp, withApp } = require('./support/agent')
const { eventually } = require('./support/home')
const { nodes } = require('./support/nodes')

const TIMES = /\d+(\.\d+)? ?ms|duration_ms:? [\d.]+|\d+\.\d{2,}/g

/** All that can be seen of an app; times vary. */
const seen = ({ code, signal, stdout, stderr }) => ({
  code,
  signal,
  stdout: stdout.replace(TIMES, '<time>'),
  stderr: stderr.replace(TIMES, '<time>'),
})

const cases = [
  ['a script', 'probe.js', { args: ['one', '-r', 'two'] }],
  ['a module', 'probe.mjs', { args: ['one'] }],
  ['TypeScript, where Node has it', 'probe.ts', {}],
  ['TypeScript by flag, where Node has it', 'probe.ts', { flags: ['--experimental-strip-types', '--no-warnings'] }],
  ['a hook', 'probe.js', { flags: ['-r', './hook.js', '--stack-trace-limit=5'] }],
  ['a hook in NODE_OPTIONS', 'probe.mjs', { env: { NODE_OPTIONS: '-r ./hook.js' } }],
  ['an imported hook', 'probe.js', { flags: ['--import', './probe.mjs'] }],
  ['a test', 'tested.js', { flags: ['--test', '--test-reporter=tap'] }],
  ['deprecations as errors', 'probe.js', { flags: ['--throw-deprecation', '--pending-deprecation'] }],
  ['no code from text', 'probe.js', { flags: ['--disallow-code-generation-from-strings'] }],
  ['frozen intrinsics', 'probe.js', { flags: ['--frozen-intrinsics', '--no-warnings'] }],
  ['a flag that Node does not have', 'probe.js', { flags: ['--no-such-flag'] }],
  ['a syntax error', 'broken.js', {}],
  ...['exception', 'later', 'text', 'nothing', 'missing', 'system', 'domain'].map((way) => {
    return [`an end by ${way}`, 'throws.js', { args: [way] }]
  }),
  ...['rejection', 'object'].map((way) => {
    return [`an end by ${way}`, 'throws.js', { args: [way], flags: ['--unhandled-rejections=throw'] }]
  }),
  ['a rejection, strictly', 'throws.js', { args: ['rejection'], env: { NODE_OPTIONS: '--unhandled-rejections=strict' } }],
  ...['code', 'exit', 'signal', 'end'].map((way) => [`an end by ${way}`, 'throws.js', { args: [way] }]),
  ['rejections that only warn', 'throws.js', { args: ['rejection'], flags: ['--unhandled-rejections=warn'] }],
]

test('an old Node can read it', () => {
  assert.doesNotMatch(fs.readFileSync(agent, 'utf8'), /\?\.[\w([]|\?\?|catch \{|[|&?]=|^ +#/m)
})

for (const node of nodes()) {
  describe(`with the agent, on ${node}`, { concurrency: 2 }, () => {
    for (const [title, script, options] of cases) {
      test(title, { timeout: 60_000 }, async () => {
        const without = seen(await runApp(node, script, { ...options, withAgent: false }))
        // Process numbers are in warnings.
        const masked = ({ stderr, ...rest }) => ({ ...rest, stderr: stderr.replace(/\(node:\d+\)/g, '(node)') })
        assert.deepStrictEqual(masked(seen(await runApp(node, script, options))), masked(without))
      })
    }

    test('it is there all the same', async () => {
      const { lines, stderr } = await runApp(node, 'throws.js', { args: ['end'] })
      assert.deepStrictEqual([lines.map(({ act }) => act), stderr], [['agent'], ''])
    })

    test('without its variable it does nothing', async () => {
      const { lines, messages, stdout } = await runApp(node, 'probe.js', { env: { RPM2_AGENT: '' } })
      assert.deepStrictEqual([lines, messages, JSON.parse(stdout).execArgv], [[], [], []])
    })

    test('children and threads are without it', { timeout: 60_000 }, async () => {
      const { stdout, stderr } = await runApp(node, 'children.js')
      const without = await runApp(node, 'children.js', { withAgent: false })
      assert.deepStrictEqual([stdout, stderr], [without.stdout, without.stderr])
      const kinds = stdout.split('\n').filter(Boolean).map(JSON.parse)
      assert.deepStrictEqual(
        kinds.map(({ kind }) => kind),
        ['first', 'second', 'spawned', 'worker', 'thread', 'thread', 'from a thread'],
      )
    })

    test('an app that listens to its channel lives on, and ends with it', { timeout: 60_000 }, async () => {
      await withApp(node, 'listens.js', {}, async ({ child, messages, ended }) => {
        // Later than the first figures, which are the first thing that could let it end.
        await eventually(() => messages.some(({ type }) => type === 'axm:monitor'), 'figures')
        assert.strictEqual(child.exitCode, null)
        child.disconnect()
        assert.deepStrictEqual(await ended, { code: 0, signal: null })
      })
    })
  })
}
