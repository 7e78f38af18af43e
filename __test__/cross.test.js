'use strict'

// The wire is pm2's: pm2's own module and command drive our daemon, and our module drives pm2's.

const assert = require('node:assert')
const path = require('node:path')
const { describe, test } = require('node:test')
const engines = require('./support/engines')
const { environmentFor, eventually, makeHome } = require('./support/home')
const { run, runScript } = require('./support/run')

const fixtures = path.join(__dirname, 'fixtures')

/** A test with a daemon of the engine `daemon`, launched by its own module. */
function crossTest(title, daemon, body) {
  test(title, { timeout: 120_000 }, async () => {
    const place = makeHome()
    const options = { env: environmentFor(place.home), cwd: fixtures }
    try {
      const launch = `const pm2 = require(${JSON.stringify(engines[daemon].module)}); pm2.connect((error) => { if (error) throw error; pm2.disconnect() })`
      const { stderr, code } = await runScript(launch, options)
      assert.deepStrictEqual([stderr, code], ['', 0])
      const pid = place.daemonPid()
      assert.ok(pid, 'the daemon runs')
      await body({ options, place })
    } finally {
      await place.remove()
    }
  })
}

// With callbacks, as pm2's module has nothing else.
const tour = (engine) => `
  const pm2 = require(${JSON.stringify(engines[engine].module)})
  const call = (method, ...args) => new Promise((resolve, reject) => pm2[method](...args, (error, result) => error ? reject(error) : resolve(result)))
  const failure = (method, ...args) => new Promise((resolve) => pm2[method](...args, (error) => resolve(error && error.message)))
  const shown = []
  ;(async () => {
    shown.push((await call('connect')).new_pm2_instance)
    const bus = await call('launchBus')
    const events = []
    bus.on('process:event', ({ event, process }) => process.name === 'app' && events.push(event))
    const echo = new Promise((resolve) => bus.on('echo', resolve))
    const [app] = await call('start', { script: './echo.js', name: 'app', wait_ready: true })
    await call('start', { script: './echo.js', name: 'two', exec_mode: 'cluster', instances: 2, wait_ready: true })
    shown.push(app.pm2_env.status, (await call('list')).map(({ name, pm_id }) => name + pm_id).join())
    shown.push((await call('sendDataToProcessId', 0, { type: 'process:msg', topic: true, data: { some: 'data' } })).success)
    shown.push((await echo).data.data.some)
    shown.push(await failure('sendDataToProcessId', 9, { topic: true, data: 1 }), await failure('stop', 'nobody'))
    shown.push((await call('restart', 'app'))[0].restart_time, (await call('stop', 'two')).length)
    shown.push((await call('describe', 'two')).map(({ pm2_env }) => pm2_env.status).join())
    shown.push((await call('delete', 'all')).length, (await call('list')).length, events.slice(0, 6).join())
    console.log(JSON.stringify(shown))
    await call('killDaemon')
    process.exit()
  })().catch((error) => { console.error(error); process.exit(1) })`

const expected = [
  false,
  'online',
  'app0,two1,two2',
  true,
  'data',
  'Process with ID <9> unknown.',
  'process or namespace not found',
  1,
  2,
  'stopped,stopped',
  3,
  0,
  'online,start,exit,exit,online,restart',
]

describe('across', () => {
  for (const [driver, daemon] of [
    ['pm2', 'rpm2'],
    ['rpm2', 'pm2'],
  ]) {
    crossTest(`${driver}'s module drives ${daemon}'s daemon`, daemon, async ({ options, place }) => {
      const { stdout, stderr, code } = await runScript(tour(driver), options)
      assert.deepStrictEqual([stderr, code], ['', 0])
      assert.deepStrictEqual(JSON.parse(stdout), expected)
      await eventually(() => !place.daemonPid(), 'killDaemon ends the daemon')
    })
  }

  crossTest("pm2's command drives rpm2's daemon", 'rpm2', async ({ options, place }) => {
    const pm2 = async (...args) => {
      const { stdout, stderr, code } = await run(process.execPath, [engines.pm2.command, ...args], options)
      assert.strictEqual(code, 0, `pm2 ${args.join(' ')}: ${stdout}${stderr}`)
      return stdout
    }
    const jlist = async () => JSON.parse((await pm2('jlist')).split('\n').at(-1))
    const brief = async () =>
      (await jlist()).map(({ name, pm_id, pm2_env }) => [name, pm_id, pm2_env.status, pm2_env.restart_time])
    const daemon = place.daemonPid()
    await pm2('start', 'echo.js', '--name', 'one')
    await pm2('start', 'pair.config.js')
    assert.match(await pm2('list'), /one[^]*online/)
    assert.deepStrictEqual(await brief(), [
      ['one', 0, 'online', 1],
      ['two', 1, 'online', 0],
      ['two', 2, 'online', 0],
    ])
    await pm2('restart', 'two')
    await pm2('stop', 'one')
    await pm2('delete', '1')
    assert.deepStrictEqual(await brief(), [
      ['one', 0, 'stopped', 1],
      ['two', 2, 'online', 1],
    ])
    assert.match(await pm2('describe', 'two'), /script path[^]*idle\.js/)
    assert.strictEqual(place.daemonPid(), daemon, 'still the same daemon')
    await pm2('kill')
    await eventually(() => !place.daemonPid(), 'kill ends the daemon')
  })
})
