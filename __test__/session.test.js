'use strict'

// The module where it is more than pm2's: promises, errors, sessions, and how it lets a script end.

const assert = require('node:assert')
const path = require('node:path')
const { describe, test } = require('node:test')
const rpm2 = require('..')
const { environmentFor, eventually, isAlive, makeHome } = require('./support/home')
const { runScript } = require('./support/run')

const root = path.join(__dirname, '..')
const fixture = (name) => path.join(__dirname, 'fixtures', name)

/** A test with a session of its own, which is gone afterwards. */
function sessionTest(title, body) {
  test(title, { timeout: 60_000 }, async () => {
    const place = makeHome()
    const session = new rpm2.custom({ pm2_home: place.home, cwd: path.join(__dirname, 'fixtures') })
    try {
      await body(session, place)
    } finally {
      if (place.daemonPid()) await session.killDaemon()
      await session.disconnect().catch(() => {})
      await place.remove()
    }
  })
}

/** A test of a script that uses the module; `rpm2` is there. It must end by itself. */
function scriptTest(title, text, check) {
  test(title, { timeout: 60_000 }, async () => {
    const place = makeHome()
    try {
      const script = `const rpm2 = require(${JSON.stringify(root)});\n${text}`
      const result = await runScript(script, { env: environmentFor(place.home), cwd: path.join(__dirname, 'fixtures') })
      await check(result)
    } finally {
      await place.remove()
    }
  })
}

const prints =
  (expected) =>
  ({ stdout, stderr, code }) =>
    assert.deepStrictEqual({ stdout, stderr, code }, { stdout: expected, stderr: '', code: 0 })

describe('promises', () => {
  sessionTest('every call without a callback returns one', async (session) => {
    assert.strictEqual((await session.connect()).pm2_home, session.pm2_home)
    const [app] = await session.start(fixture('idle.js'))
    assert.strictEqual(app.pm2_env.status, 'online')
    assert.deepStrictEqual(
      (await session.list()).map(({ name }) => name),
      ['idle'],
    )
    assert.deepStrictEqual(
      (await session.describe('idle')).map(({ pid }) => pid),
      [app.pid],
    )
    assert.strictEqual((await session.stop('idle'))[0].status, 'stopped')
    assert.strictEqual((await session.restart('idle'))[0].status, 'online')
    assert.deepStrictEqual(await session.ping(), { msg: 'pong' })
    assert.strictEqual((await session.delete('idle')).length, 1)
    assert.deepStrictEqual(await session.list(), [])
  })

  sessionTest('are rejected with an Error that has a code', async (session) => {
    await assert.rejects(session.stop('nobody'), { name: 'Error', message: 'process or namespace not found' })
    await assert.rejects(session.sendDataToProcessId(7, { topic: true, data: 1 }), { code: 'RPM2_REFUSED' })
    await assert.rejects(
      session.start(fixture('none.js')),
      (error) => error instanceof Error && typeof error.code === 'string',
    )
  })

  sessionTest('several failures are one rejection that has them all, and what was done', async (session) => {
    const apps = [{ script: '/none/a.js' }, { script: fixture('idle.js') }, { script: '/none/b.js' }]
    await assert.rejects(session.start(apps), (error) => {
      assert.ok(error instanceof Error)
      assert.deepStrictEqual(
        error.errors.map(({ message }) => message),
        ['Script not found: /none/a.js', 'Script not found: /none/b.js'],
      )
      assert.deepStrictEqual(
        error.result.map(({ pm2_env }) => pm2_env.name),
        ['idle'],
      )
      return true
    })
  })

  sessionTest('an argument without JSON is an error, not an exception', async (session) => {
    const circular = {}
    circular.self = circular
    await assert.rejects(session.sendDataToProcessId(0, circular), TypeError)
    await assert.rejects(session.sendDataToProcessId(0, { data: 1n, topic: true }), TypeError)
    const error = await new Promise((resolve) => session.sendDataToProcessId(0, circular, resolve))
    assert.ok(error instanceof TypeError)
  })
})

describe('the script', () => {
  scriptTest(
    'stays alive from connect to disconnect',
    `rpm2.connect(() => setTimeout(() => { console.log('alive'); rpm2.killDaemon(() => rpm2.disconnect()) }, 50).unref())
     setTimeout(() => {}, 0)`,
    prints('alive\n'),
  )
  scriptTest(
    'stays alive although it never connected explicitly',
    `rpm2.list((error, list) => setTimeout(() => { console.log(list.length); rpm2.killDaemon(() => rpm2.disconnect()) }, 50).unref())`,
    prints('0\n'),
  )
  scriptTest(
    'ends when disconnected, the bus closed with it',
    `rpm2.connect(() => rpm2.launchBus((error, bus) => rpm2.killDaemon(() => rpm2.disconnect((error) => console.log(error)))))`,
    prints('null\n'),
  )
  scriptTest('ends at once if it does nothing', 'console.log(typeof rpm2.connect)', prints('function\n'))
  scriptTest(
    'gets the answers to calls made before disconnect',
    `rpm2.connect(() => {
       rpm2.list((error, list) => { console.log(list.length); rpm2.killDaemon(() => rpm2.disconnect()) })
       rpm2.disconnect()
     })`,
    prints('0\n'),
  )
  scriptTest(
    'may leave promises alone: a failure is not an unhandled rejection',
    `rpm2.stop('nobody'); rpm2.disconnect(); rpm2.disconnect()
     rpm2.sendDataToProcessId(5, {}); rpm2.ping().then(() => rpm2.killDaemon()).then(() => rpm2.disconnect()).then(() => console.log('done'))`,
    prints('done\n'),
  )
  scriptTest(
    'may exit while calls are on their way',
    `rpm2.connect(() => {
       for (let i = 0; i < 1000; i++) rpm2.list()
       rpm2.launchBus(() => {})
       rpm2.killDaemon()
       setImmediate(() => { console.log('leaving'); process.exit(0) })
     })`,
    ({ stdout, code, signal }) => assert.deepStrictEqual([stdout, code, signal], ['leaving\n', 0, null]),
  )
  scriptTest(
    'a callback that throws is an uncaught exception, and the other callbacks are called',
    `process.on('uncaughtException', (error) => console.log('caught', error.message))
     rpm2.connect(async () => {
       const others = [1, 2, 3].map(() => rpm2.ping())
       rpm2.ping(() => { throw new Error('mine') })
       console.log((await Promise.all([...others, rpm2.ping()])).length)
       await rpm2.killDaemon()
       rpm2.disconnect()
     })`,
    ({ stdout, code }) => {
      assert.deepStrictEqual(stdout.split('\n').sort(), ['', '4', 'caught mine'])
      assert.strictEqual(code, 0)
    },
  )
  scriptTest(
    'a worker thread has a session of its own, and may be ended at any moment',
    `const { Worker } = require('node:worker_threads')
     const text = "const { parentPort } = require('node:worker_threads'); const rpm2 = require(" + ${JSON.stringify(JSON.stringify(root))} + ");" +
       "rpm2.launchBus(() => {}); rpm2.list((error, list) => { parentPort.postMessage(list.length); setInterval(() => rpm2.list(), 0) })"
     const work = () => new Promise((resolve) => {
       const worker = new Worker(text, { eval: true })
       worker.once('message', async (length) => { await worker.terminate(); resolve(length) })
     })
     rpm2.connect(async () => {
       console.log(await Promise.all([work(), work()]), await work(), (await rpm2.list()).length)
       await rpm2.killDaemon()
       rpm2.disconnect()
     })`,
    prints('[ 0, 0 ] 0 0\n'),
  )
  scriptTest(
    'can connect again after disconnect',
    `(async () => {
       await rpm2.connect(); await rpm2.disconnect(); console.log((await rpm2.connect()).new_pm2_instance)
       await rpm2.killDaemon(); await rpm2.disconnect()
     })()`,
    prints('false\n'),
  )
})

describe('a daemon that is lost', () => {
  sessionTest(
    'fails the calls on their way, and the next call finds a new one',
    async (session, { home, answeringPid }) => {
      const other = new rpm2.custom({ pm2_home: home })
      // Never says that it is ready: the answer is on its way until then.
      const unanswered = session.start({ script: fixture('idle.js'), wait_ready: true, listen_timeout: 50_000 })
      const app = await eventually(async () => (await other.list())[0]?.pid, 'the app is launching')
      const first = answeringPid()
      process.kill(first, 'SIGKILL')
      await assert.rejects(unanswered, { code: 'RPM2_DAEMON_LOST' })
      assert.deepStrictEqual(
        (await session.list()).map(({ pid }) => pid),
        [app],
        'the app lives on',
      )
      assert.notStrictEqual(answeringPid(), first)
      await other.disconnect()
    },
  )

  sessionTest('cannot be launched: the error says why, and the script may end', async (session, { home }) => {
    const text = `const { custom } = require(${JSON.stringify(root)})
      new custom({ pm2_home: ${JSON.stringify(home)} }).list((error) => console.log(error.code, error.message.includes('/none/rpm2')))`
    const { stdout, code } = await runScript(text, { env: { ...environmentFor(home), RPM2_BINARY: '/none/rpm2' } })
    assert.deepStrictEqual([stdout, code], ['RPM2_LAUNCH true\n', 0])
  })
})

describe('surroundings', () => {
  scriptTest(
    'an app gets the environment of the moment it is started',
    `process.env.LATE = 'yes'
     rpm2.start('./idle.js', async (error, [app]) => {
       console.log(app.pm2_env.env.LATE); await rpm2.killDaemon(); rpm2.disconnect()
     })`,
    prints('yes\n'),
  )

  test('RPM2_HOME goes before PM2_HOME, which goes before ~/.rpm2', async () => {
    const text = `console.log(require(${JSON.stringify(root)}).pm2_home)`
    const home = async (env) => (await runScript(text, { env: { PATH: process.env.PATH, ...env } })).stdout.trim()
    assert.strictEqual(await home({ RPM2_HOME: '/a', PM2_HOME: '/b', HOME: '/c' }), '/a')
    assert.strictEqual(await home({ PM2_HOME: '/b', HOME: '/c' }), '/b')
    assert.strictEqual(await home({ HOME: '/c' }), '/c/.rpm2')
  })

  sessionTest('a message keeps everything that JSON can hold, `__proto__` too', async (session) => {
    await session.start({ script: fixture('echo.js'), name: 'echo', wait_ready: true })
    const bus = await session.launchBus()
    const echo = new Promise((resolve) => bus.on('echo', resolve))
    const data = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')
    await session.sendDataToProcessId(0, { topic: true, data })
    assert.deepStrictEqual((await echo).data, { topic: true, data, id: 0 })
    assert.strictEqual({}.polluted, undefined)
  })

  sessionTest('messages go in the order in which they are sent, from the first on, and while others are', async (session) => {
    const count = 5000
    await session.start({ script: fixture('echo.js'), name: 'echo', wait_ready: true })
    // Another session, which has to find the daemon first.
    const other = new rpm2.custom({ pm2_home: session.pm2_home })
    const bus = await session.launchBus()
    const seen = []
    const all = new Promise((resolve) => bus.on('echo', ({ data }) => seen.push(data.data) === count && resolve()))
    const numbers = Array.from({ length: count }, (_, number) => number)
    const sent = numbers.map((data) => other.sendDataToProcessId(0, { topic: true, data }))
    const answers = await Promise.all(sent)
    await all
    assert.deepStrictEqual(seen, numbers)
    assert.deepStrictEqual(
      answers.map(({ data }) => data.data),
      numbers,
    )
    await other.disconnect()
  })

  scriptTest(
    'what was called before a disconnect is still answered, and the script ends',
    `rpm2.connect(async () => {
       await rpm2.list()
       await rpm2.list()
       rpm2.list((error, list) => console.log('listed', error, list))
       rpm2.ping((error, { msg }) => console.log(error, msg))
       rpm2.disconnect(() => rpm2.connect(() => rpm2.list((error, list) => {
         console.log('again', list)
         rpm2.killDaemon(() => rpm2.disconnect())
       })))
     })`,
    ({ stdout, stderr, code }) => {
      const lines = stdout.split('\n').sort()
      assert.deepStrictEqual(lines, ['', 'again []', 'listed null []', 'null pong'])
      assert.deepStrictEqual([stderr, code], ['', 0])
    },
  )

  test('the functions work without the object, and `import` finds them by name', async () => {
    const { default: whole, ...named } = await import('../index.mjs')
    assert.strictEqual(whole, rpm2)
    assert.deepStrictEqual(Object.keys(named).sort(), Object.keys(rpm2).sort())
    for (const [name, value] of Object.entries(named)) assert.strictEqual(value, rpm2[name])
  })
})

describe('the bus', () => {
  sessionTest('waits for a daemon, starts none, and finds the next one', async (session, { home, daemonPid }) => {
    const opened = session.launchBus()
    const other = new rpm2.custom({ pm2_home: home })
    assert.strictEqual(
      await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, 200, 'waiting'))]),
      'waiting',
    )
    assert.strictEqual(daemonPid(), undefined)
    const online = (bus) =>
      new Promise((resolve) =>
        bus.on('process:event', ({ event, process }) => event === 'online' && resolve(process.name)),
      )

    await other.connect()
    const bus = await opened
    const first = online(bus)
    await other.start({ script: fixture('idle.js'), name: 'first' })
    assert.strictEqual(await first, 'first')

    const before = daemonPid()
    await other.killDaemon()
    await eventually(() => !isAlive(before), 'the daemon ends')
    const second = online(bus)
    // The bus finds the new daemon in its own time: an app that starts after that is seen.
    let count = 0
    const starting = setInterval(() => other.start({ script: fixture('idle.js'), name: `second-${count++}` }), 250)
    assert.match(await second, /^second-/)
    clearInterval(starting)
    await other.disconnect()
  })

  sessionTest('delivers a flood whole and in order, though the script is busy', async (session) => {
    const count = 20_000
    await session.start({ script: fixture('floods.js'), name: 'floods', wait_ready: true })
    const bus = await session.launchBus()
    const seen = []
    const all = new Promise((resolve) => {
      bus.on('flood', ({ data }) => seen.push(data.index) === count && resolve())
    })
    await session.sendDataToProcessId(0, { topic: true, data: { count } })
    const busyUntil = Date.now() + 200
    while (Date.now() < busyUntil);
    await all
    assert.deepStrictEqual(
      seen,
      Array.from({ length: count }, (_, index) => index),
    )
  })

  scriptTest(
    'a listener that throws does not cost the others their event',
    `process.on('uncaughtException', (error) => console.log('caught', error.message))
     rpm2.connect(async () => {
       const bus = await rpm2.launchBus()
       bus.once('process:event', () => { throw new Error('mine') })
       const heard = new Promise((resolve) => bus.once('process:event', resolve))
       await rpm2.start('./idle.js')
       console.log('heard', (await heard).event)
       await rpm2.killDaemon()
       rpm2.disconnect()
     })`,
    ({ stdout, code }) => {
      assert.deepStrictEqual(stdout.split('\n').sort(), ['', 'caught mine', 'heard online'])
      assert.strictEqual(code, 0)
    },
  )
})
