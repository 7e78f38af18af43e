'use strict'

// The figures that the agent tells, on every Node.

const assert = require('node:assert')
const http = require('node:http')
const { describe, test } = require('node:test')
const { withApp } = require('./support/agent')
const { eventually } = require('./support/home')
const { nodes } = require('./support/nodes')

const get = (port, path) =>
  new Promise((resolve, reject) => {
    const got = (response) => response.resume().once('end', resolve)
    http.get({ host: '127.0.0.1', port, path, agent: false }, got).once('error', reject)
  })

const always = {
  'Heap Size': ['internal/v8/heap/total', 'MiB', 'string'],
  'Heap Usage': ['internal/v8/heap/usage', '%', 'number'],
  'Used Heap Size': ['internal/v8/heap/used', 'MiB', 'string'],
  'Active requests': ['internal/libuv/requests', undefined, 'number'],
  'Active handles': ['internal/libuv/handles', undefined, 'number'],
  'Event Loop Latency': ['internal/libuv/latency/p50', 'ms', 'string'],
  'Event Loop Latency p95': ['internal/libuv/latency/p95', 'ms', 'string'],
}

const shapes = (figures) =>
  Object.fromEntries(Object.entries(figures).map(([name, { type, unit, value }]) => [name, [type, unit, typeof value]]))

for (const node of nodes()) {
  describe(`figures on ${node}`, { concurrency: 4 }, () => {
    test('an app without a server has those of its heap, its handles and its loop', { timeout: 60_000 }, async () => {
      await withApp(node, 'idle.js', {}, async (app) => {
        const figures = await app.message('axm:monitor')
        assert.deepStrictEqual(shapes(figures), always)
        assert.ok(Object.values(figures).every(({ historic }) => historic === true))
        const value = (name) => Number(figures[name].value)
        assert.ok(value('Heap Size') >= value('Used Heap Size') && value('Used Heap Size') > 1)
        const usage = (value('Used Heap Size') / value('Heap Size')) * 100
        assert.ok(Math.abs(usage - value('Heap Usage')) < 1, `${usage} ${value('Heap Usage')}`)
      })
    })

    test('what does not change is told once, until the daemon asks', { timeout: 60_000 }, async () => {
      await withApp(node, 'idle.js', {}, async (app) => {
        await app.message('axm:monitor')
        const figures = () => app.messages.filter(({ type }) => type === 'axm:monitor')
        const [first] = figures()
        app.tell({ act: 'report' })
        await eventually(() => app.lines.length === 2 && figures().length > 1, 'all is told once more')
        assert.deepStrictEqual(app.lines[1], app.lines[0])
        // Whatever was told before the daemon asked had changed.
        const [before, after] = figures().slice(-2).map(({ data }) => data)
        assert.deepStrictEqual(shapes(after), shapes(before))
        assert.ok(first)
      })
    })

    test('requests are counted and timed', { timeout: 60_000 }, async () => {
      await withApp(node, 'serves.js', {}, async (app) => {
        const port = await app.message('port')
        for (let count = 0; count < 20; count++) await get(port, '/wait')
        const figures = await app.message('axm:monitor', (data) => 'HTTP' in data && data.HTTP.value > 0)
        const { HTTP, 'HTTP Mean Latency': mean, 'HTTP P95 Latency': p95, ...rest } = figures
        assert.deepStrictEqual(shapes(rest), always)
        assert.deepStrictEqual(shapes({ HTTP, mean, p95 }), {
          HTTP: ['internal/http/builtin/reqs', 'req/s', 'number'],
          mean: ['internal/http/builtin/latency/p50', 'ms', 'number'],
          p95: ['internal/http/builtin/latency/p95', 'ms', 'number'],
        })
        assert.ok(mean.value >= 29 && p95.value >= mean.value, `${mean.value} ${p95.value}`)
      })
    })

    test('a loop that does not turn is seen', { timeout: 60_000 }, async () => {
      await withApp(node, 'blocks.js', {}, async (app) => {
        const late = (data) => Number(data['Event Loop Latency p95'].value) > 20
        await app.message('axm:monitor', late)
      })
    })

    test('the title is that of pm2, or the app says', { timeout: 60_000 }, async () => {
      await withApp(node, 'idle.js', {}, async (app) => {
        assert.match(await app.message('title'), /^node \/.*\/idle\.js$/)
      })
      await withApp(node, 'idle.js', { env: { PROCESS_TITLE: 'mine' } }, async (app) => {
        assert.strictEqual(await app.message('title'), 'mine')
      })
    })

    test('it says what it can do and under which Node', { timeout: 60_000 }, async () => {
      await withApp(node, 'idle.js', {}, async (app) => {
        const [line] = await eventually(() => app.lines.length > 0 && app.lines, 'the introduction')
        assert.deepStrictEqual(line.actions.map(({ action_name, arity }) => `${action_name}/${arity}`), [
          'km:heapdump/2',
          'km:cpu:profiling:start/2',
          'km:cpu:profiling:stop/1',
          'km:heap:sampling:start/2',
          'km:heap:sampling:stop/1',
        ])
        const { module_name, module_version, apm } = line.options
        assert.deepStrictEqual([module_name, module_version, apm.type], ['app', '1.2.3', 'node'])
        assert.match(line.node_version, /^\d+\.\d+\.\d+$/)
      })
    })
  })
}
