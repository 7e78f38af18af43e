'use strict'

// Sessions of one's own: private homes, daemons that end with the script, and the end of both.

const assert = require('node:assert')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { describe, test } = require('node:test')
const { environmentFor, eventually, isAlive, makeHome } = require('./support/home')
const { runScript } = require('./support/run')

const root = path.join(__dirname, '..')
const { custom } = require(root)
const cwd = path.join(__dirname, 'fixtures')

/** Starts a script that has `home` and, unless `options` say otherwise, a daemon of its own, with an app. */
function startScript(home, text, options = { pm2_home: home, daemon_mode: false }) {
  const whole = `const { custom } = require(${JSON.stringify(root)})
    const session = new custom(${JSON.stringify(options)})
    session.start('./idle.js').then(async ([app]) => {
      console.log(JSON.stringify({ app: app.process.pid, home: session.pm2_home }))
      ${text}
    })`
  const child = spawn(process.execPath, ['-e', whole], {
    env: environmentFor(home),
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)))
  const started = new Promise((resolve) => child.stdout.once('data', (line) => resolve(JSON.parse(line))))
  return { child, ended, started }
}

/** A test of what becomes of the daemon and its app when the script does something. */
const scriptTest = (title, text, run, options) =>
  test(title, { timeout: 60_000 }, async () => {
    const place = makeHome()
    try {
      const script = startScript(place.home, text, options)
      const { app, home } = await script.started
      await run({ ...place, ...script, app, home })
    } finally {
      await place.remove()
    }
  })

const gone = ({ app, daemonPid }) => eventually(() => !isAlive(app) && !daemonPid(), 'app and daemon end')

describe('a daemon that belongs to the script', { concurrency: 2 }, () => {
  scriptTest('ends with it, and its apps too', 'process.exit(3)', async (script) => {
    assert.strictEqual(await script.ended, 3)
    await gone(script)
  })

  scriptTest('ends with it however that ends', '', async (script) => {
    script.child.kill('SIGKILL')
    assert.strictEqual(await script.ended, 'SIGKILL')
    await gone(script)
  })

  scriptTest('keeps it alive after disconnect, until it is killed', 'session.disconnect()', async (script) => {
    const other = new custom({ pm2_home: script.home })
    assert.deepStrictEqual(
      (await other.list()).map(({ pid }) => pid),
      [script.app],
    )
    assert.strictEqual(script.child.exitCode, null)
    await other.killDaemon()
    await other.disconnect()
    assert.strictEqual(await script.ended, 0)
    await gone(script)
  })

  scriptTest('outlives its own crash', 'process.stdin.resume()', async (script) => {
    const first = script.answeringPid()
    process.kill(first, 'SIGKILL')
    const other = new custom({ pm2_home: script.home })
    assert.strictEqual((await other.list())[0].pid, script.app)
    await other.disconnect()
    script.child.kill()
    await gone(script)
  })

  scriptTest(
    'is what `connect(true)` asks for',
    'process.exit()',
    async (script) => {
      await script.ended
      assert.ok(script.daemonPid() && isAlive(script.app), 'not without it')
    },
    {},
  )

  test('`connect(true)` says so', { timeout: 60_000 }, async () => {
    const { home, daemonPid, remove } = makeHome()
    try {
      const text = `const { custom } = require(${JSON.stringify(root)})
        const session = new custom({ pm2_home: ${JSON.stringify(home)} })
        session.connect(true).then(({ daemon_mode }) => { console.log(daemon_mode); process.exit() })`
      const { stdout } = await runScript(text, { env: environmentFor(home) })
      assert.strictEqual(stdout, 'false\n')
      await eventually(() => !daemonPid(), 'the daemon ends with the script')
    } finally {
      await remove()
    }
  })

  scriptTest(
    'is what an independent session has, in a home of its own, which destroy removes',
    'await session.destroy(); await session.disconnect()',
    async ({ app, home, ended }) => {
      assert.strictEqual(path.dirname(home), fs.realpathSync(os.tmpdir()))
      assert.strictEqual(await ended, 0)
      assert.deepStrictEqual([isAlive(app), fs.existsSync(home)], [false, false])
    },
    { independent: true },
  )
})

describe('destroy', { concurrency: 2 }, () => {
  test("removes what is a daemon's", { timeout: 60_000 }, async () => {
    const { home, daemonPid, remove } = makeHome()
    try {
      const session = new custom({ pm2_home: home, cwd })
      await session.start('./idle.js')
      fs.writeFileSync(path.join(home, 'letter'), '')
      assert.deepStrictEqual(await session.destroy(), { success: true })
      await session.disconnect()
      assert.strictEqual(daemonPid(), undefined)
      assert.deepStrictEqual(fs.readdirSync(home), ['letter'])
    } finally {
      await remove()
    }
  })

  test("refuses everybody's home", { timeout: 60_000 }, async () => {
    const { home, remove } = makeHome()
    try {
      for (const name of ['.pm2', '.rpm2']) {
        const session = new custom({ pm2_home: path.join(home, name) })
        await assert.rejects(session.destroy(), { message: `Destroy is not a allowed method on ${name}` })
        await session.disconnect()
      }
    } finally {
      await remove()
    }
  })
})

test('a home and an independent session exclude each other', () => {
  assert.throws(() => new custom({ pm2_home: '/x', independent: true }), /You cannot set a pm2_home and independent/)
})
