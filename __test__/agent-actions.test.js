'use strict'

// The actions that the agent does, on every Node.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { describe, test } = require('node:test')
const { withApp } = require('./support/agent')
const { nodes } = require('./support/nodes')

/** Has an action done: its reply. */
async function act(app, call) {
  const earlier = new Set(app.messages.map(({ data }) => data))
  app.tell({ act: 'action', call })
  const reply = await app.message('axm:reply', (data) => !earlier.has(data))
  assert.strictEqual(reply.action_name, call.msg ?? call)
  return reply.return
}

const profilings = (app) => app.messages.filter(({ type }) => type === 'profilings').map(({ data }) => data)

for (const node of nodes()) {
  describe(`actions on ${node}`, { concurrency: 4, timeout: 120_000 }, () => {
    test('a heap dump', async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'r-'))
      try {
        await withApp(node, 'idle.js', { env: { TMPDIR: folder } }, async (app) => {
          assert.deepStrictEqual(await act(app, 'km:heapdump'), { success: true })
          const { data, at, duration, ...rest } = await app.message('profilings')
          assert.deepStrictEqual(rest, { initiated: 'manual', type: 'heapdump' })
          assert.ok(at > 0 && duration >= 0)
          assert.ok(JSON.parse(data).strings.includes('idle.js') || JSON.parse(data).nodes.length > 1000)
          assert.deepStrictEqual(fs.readdirSync(folder), [], 'nothing is left behind')
        })
      } finally {
        fs.rmSync(folder, { recursive: true })
      }
    })

    for (const [kind, type, member] of [
      ['cpu:profiling', 'cpuprofile', 'nodes'],
      ['heap:sampling', 'heapprofile', 'head'],
    ]) {
      const [start, stop] = [`km:${kind}:start`, `km:${kind}:stop`]

      test(`${kind} is started and stopped once`, async () => {
        await withApp(node, 'idle.js', {}, async (app) => {
          const none = { err: 'No profiling are already running', success: false }
          assert.deepStrictEqual(await act(app, stop), none)
          const { success, uuid } = await act(app, { msg: start, opts: { initiated: 'me' } })
          assert.ok(success && uuid)
          assert.deepStrictEqual(await act(app, start), { err: 'A profiling is already running', success: false })
          assert.deepStrictEqual(await act(app, stop), { success: true, uuid })
          const { data, at, duration, ...rest } = await app.message('profilings')
          assert.deepStrictEqual(rest, { uuid, success: true, initiated: 'me', type, [type]: true })
          assert.ok(at > 0 && duration >= 0 && JSON.parse(data)[member])
          assert.deepStrictEqual(await act(app, stop), none)
        })
      })

      test(`${kind} stops by itself when it is to`, async () => {
        await withApp(node, 'idle.js', {}, async (app) => {
          const { uuid } = await act(app, { msg: start, opts: { timeout: 50 } })
          const profile = await app.message('profilings')
          assert.deepStrictEqual([profile.uuid, profile.success], [uuid, true])
          assert.ok(profile.duration >= 40)
          assert.ok((await act(app, { msg: start, opts: 'a parameter of no use' })).success)
        })
      })
    }

    test('what cannot be done is told', async () => {
      await withApp(node, 'idle.js', { env: { TMPDIR: '/nonexistent' } }, async (app) => {
        assert.strictEqual((await act(app, 'km:unknown')).success, false)
        await act(app, 'km:heapdump')
        const { success, err } = await app.message('profilings')
        assert.strictEqual(success, false)
        assert.match(err, /ENOENT/)
        assert.strictEqual(profilings(app).length, 1)
      })
    })

    test('what is too long for a message stays in a file', async () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'r-'))
      try {
        await withApp(node, 'large.js', { env: { TMPDIR: folder } }, async (app) => {
          await act(app, 'km:heapdump')
          const { file, data } = await app.message('profilings')
          assert.strictEqual(data, undefined)
          assert.ok(fs.statSync(file).size > 24 * 1024 * 1024)
          assert.strictEqual(fs.statSync(path.dirname(file)).mode & 0o777, 0o700)
        })
      } finally {
        fs.rmSync(folder, { recursive: true })
      }
    })
  })
}
