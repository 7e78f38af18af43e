'use strict'

// What the agent says of exceptions, on every Node. How the app ends is in agent-transparency.test.js.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { fixtures, runApp, withApp } = require('./support/agent')
const { nodes } = require('./support/nodes')

/** What was said of the exception that ended the app. */
const last = ({ lines }) => lines.filter(({ act }) => act === 'exception').map(({ data }) => data)

const source = (name) => path.join(fixtures, name)
const linesOf = (name, from, to) => fs.readFileSync(source(name), 'utf8').split('\n').slice(from - 1, to)

for (const node of nodes()) {
  describe(`exceptions on ${node}`, { concurrency: 4, timeout: 120_000 }, () => {
    test('name, message, stack and the lines around it', async () => {
      const [data] = last(await runApp(node, 'lines.js'))
      const { stack, ...rest } = data
      assert.match(stack, /^RangeError: two\nlines\n {4}at .*lines\.js:7:\d+/)
      const context = linesOf('lines.js', 2, 12)
      context[5] = context[5].replace(/^ {2}/, '>>')
      const expected = { name: 'RangeError', message: 'two\nlines', callsite: `${source('lines.js')}:7` }
      assert.deepStrictEqual(rest, { ...expected, context: context.join('\n') })
    })

    test('in a cluster: the members of the error, but for those that no message has room for', async () => {
      const [{ stack, ...rest }] = last(await runApp(node, 'lines.js', { mode: 'cluster' }))
      assert.deepStrictEqual(rest, { message: 'two\nlines', code: 7, fine: [1] })
      assert.match(stack, /^RangeError: two/)
    })

    test('rejections that end the app, what is no error, and errors of Node itself', async () => {
      const flags = ['--unhandled-rejections=throw']
      for (const [way, message, name, callsite] of [
        ['rejection', 'rejected', 'Error', `${source('throws.js')}:7`],
        ['text', 'Non-error value: "only text"', 'Error', undefined],
        ['nothing', 'Non-error value: undefined', 'Error', undefined],
        ['system', "ENOENT: no such file or directory, open '/nonexistent'", 'Error', undefined],
      ]) {
        const [data, ...more] = last(await runApp(node, 'throws.js', { args: [way], flags }))
        assert.deepStrictEqual([data.message, data.name, data.callsite, more], [message, name, callsite, []], way)
        assert.ok(data.stack.startsWith(`Error: ${message}`), data.stack)
      }
      // Node makes an error of it before anybody else sees it.
      const [{ name, message }] = last(await runApp(node, 'throws.js', { args: ['object'], flags }))
      assert.deepStrictEqual([name, message.includes('#<Object>')], ['UnhandledPromiseRejection', true])
    })

    test('a rejection that nobody listens for is told and printed, and the app lives on', async () => {
      for (const [mode, way, printed] of [
        ['fork', 'rejection', /^Error: rejected\n {4}at .*throws\.js:7/],
        ['fork', 'object', /^\{ some: 'object' \}\n$/],
        ['cluster', 'rejection', /^\nYou have triggered an unhandledRejection, [^\n]*:\nError: rejected\n {4}at /],
      ]) {
        const app = await runApp(node, 'throws.js', { args: [way], mode })
        assert.match(app.stderr, printed)
        assert.deepStrictEqual([app.code, app.signal, last(app)], [0, null, []], 'it ends for it has nothing left to do')
        const told = app.messages.filter(({ type }) => type === 'process:exception').map(({ data }) => data.message)
        assert.deepStrictEqual(told, [way === 'object' ? 'Non-error value: {"some":"object"}' : 'rejected'])
      }
    })

    test('a syntax error', async () => {
      const [data] = last(await runApp(node, 'broken.js'))
      assert.deepStrictEqual([data.name, data.callsite], ['SyntaxError', `${source('broken.js')}:1`])
      assert.strictEqual(data.context, 'this is no JavaScript\n')
    })

    test('those that the app handles are told at once, and it lives on as long as it does', async () => {
      const app = await runApp(node, 'handles.js')
      const told = app.messages.filter(({ type }) => type === 'process:exception').map(({ data }) => data.message)
      assert.deepStrictEqual(told, ['first', 'second', 'third', 'fourth'])
      assert.deepStrictEqual(await app.message('heard'), {
        heard: ['exception first', 'rejection second', 'rejection second', 'rejection third', 'exception fourth'],
        left: 0,
      })
      assert.deepStrictEqual(last(app).map(({ message }) => message), ['last'])
      assert.deepStrictEqual([app.code, app.signal], [1, null])
    })

    test('stack traces lead to the sources, unless the app does not want that', async () => {
      for (const [wish, expected] of [['false', true], ['true', false]]) {
        const env = { disable_source_map_support: wish }
        await withApp(node, 'mapped.js', { env }, async (app) => {
          assert.strictEqual((await app.message('stack')).includes('original.ts:2'), expected)
        })
      }
    })
  })
}
