'use strict'

// What the agent does for a reload, on every Node.

const assert = require('node:assert')
const http = require('node:http')
const https = require('node:https')
const { describe, test } = require('node:test')
const { withApp } = require('./support/agent')
const { eventually } = require('./support/home')
const { nodes } = require('./support/nodes')

/** Requests over one connection that is kept: the `connection` header of each response. */
function connection(port, secure) {
  const client = secure ? https : http
  const agent = new client.Agent({ keepAlive: true, maxSockets: 1 })
  return (path) =>
    new Promise((resolve, reject) => {
      const got = (response) => response.resume().once('end', () => resolve(response.headers.connection))
      const options = { host: '127.0.0.1', port, path, agent, rejectUnauthorized: false }
      client.get(options, got).once('error', reject)
    })
}

/** Answered after everything before it was acted on: the agent's word of itself. */
async function settled(app) {
  const known = app.lines.length
  app.tell({ act: 'report' })
  await eventually(() => app.lines.length > known, 'the agent answers')
}

const out = (app, text) => eventually(() => app.stdout.includes(text), `${text} on standard output`)

for (const node of nodes()) {
  describe(`draining on ${node}`, { concurrency: 4, timeout: 120_000 }, () => {
    for (const kind of ['http', 'https']) {
      test(`each response ends its connection, also that of a request under way: ${kind}`, async () => {
        await withApp(node, 'serves.js', { args: [kind] }, async (app) => {
          const port = await app.message('port')
          const [first, second] = [connection(port, kind === 'https'), connection(port, kind === 'https')]
          assert.deepStrictEqual([await first('/'), await first('/')], ['keep-alive', 'keep-alive'])
          const underWay = second('/slow')
          await app.message('slow')
          app.tell({ act: 'drain', for: 60_000 })
          await settled(app)
          assert.strictEqual(await first('/'), 'close')
          assert.strictEqual(await connection(port, kind === 'https')('/'), 'close')
          app.child.send('answer')
          assert.strictEqual(await underWay, 'close')
        })
      })
    }

    test('with nothing left to do, the app lives until its signal, and sees it', async () => {
      await withApp(node, 'signalled.js', { args: ['SIGINT'] }, async (app) => {
        await app.message('port')
        app.tell({ act: 'drain', for: 60_000 })
        app.child.send('close')
        await out(app, 'closed')
        assert.strictEqual(app.child.exitCode, null)
        app.child.kill('SIGINT')
        assert.deepStrictEqual(await app.ended, { code: 0, signal: null })
        assert.strictEqual(app.stdout, 'closed\nSIGINT seen\nended\n')
      })
    })

    test('a signal of its own, and a handler that comes late', async () => {
      await withApp(node, 'signalled.js', { args: ['SIGUSR2', 'late'] }, async (app) => {
        await app.message('port')
        app.tell({ act: 'drain', for: 60_000, signal: 'SIGUSR2' })
        app.child.send('close')
        await out(app, 'closed')
        app.child.kill('SIGUSR2')
        assert.deepStrictEqual(await app.ended, { code: 0, signal: null })
        assert.strictEqual(app.stdout, 'closed\nSIGUSR2 seen\nended\n')
      })
    })

    test('without a handler it dies of its signal', async () => {
      await withApp(node, 'signalled.js', { args: ['none'] }, async (app) => {
        await app.message('port')
        app.tell({ act: 'drain', for: 60_000 })
        app.child.send('close')
        await out(app, 'closed')
        app.child.kill('SIGINT')
        assert.deepStrictEqual(await app.ended, { code: null, signal: 'SIGINT' })
      })
    })

    test('without a signal it lives as long as it was told, not longer', async () => {
      await withApp(node, 'signalled.js', { args: ['SIGINT'] }, async (app) => {
        await app.message('port')
        app.tell({ act: 'drain', for: 60_000 })
        app.tell({ act: 'drain', for: 300 })
        app.child.send('close')
        assert.deepStrictEqual(await app.ended, { code: 0, signal: null })
        assert.strictEqual(app.stdout, 'closed\nended\n')
      })
    })

    test('the message `shutdown` is as good as a signal', async () => {
      await withApp(node, 'signalled.js', { args: ['none'] }, async (app) => {
        await app.message('port')
        app.tell({ act: 'drain', for: 60_000 })
        await settled(app)
        app.child.send('shutdown')
        app.child.send('close')
        assert.deepStrictEqual(await app.ended, { code: 0, signal: null })
      })
    })
  })
}
