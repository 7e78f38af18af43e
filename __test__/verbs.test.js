'use strict'

// What pm2's own answers cannot be a measure of: functions that print there, die, or do not come back.

const assert = require('node:assert')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const http = require('node:http')
const net = require('node:net')
const path = require('node:path')
const { describe, test } = require('node:test')
const { environmentFor, eventually, makeHome } = require('./support/home')

const root = path.join(__dirname, '..')
const rpm2 = require(root)
const fixture = (name) => path.join(__dirname, 'fixtures', name)

/** A port that nobody listens on now; below those that the system gives, which others get meanwhile. */
const freePort = (port = 10_000 + (process.pid % 10_000)) =>
  new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(freePort(port + 1)))
    server.listen(port, () => server.close(() => resolve(port)))
  })

const get = (url) =>
  new Promise((resolve, reject) => {
    const request = http.get(url, async (response) => resolve((await response.toArray()).join('')))
    request.once('error', reject)
  })

/** A test with a session of its own. */
const sessionTest = (title, run) =>
  test(title, { timeout: 60_000 }, async () => {
    const { home, remove } = makeHome()
    const session = new rpm2.custom({ pm2_home: home })
    try {
      await run(session, home)
    } finally {
      await session.disconnect()
      await remove()
    }
  })

describe('functions that pm2 has otherwise', { concurrency: 2 }, () => {
  sessionTest('env gives the variables, and says when there is no such process', async (session) => {
    await session.start({ script: fixture('idle.js'), env: { MINE: 'yes' } })
    assert.strictEqual((await session.env(0)).MINE, 'yes')
    assert.strictEqual((await session.env('0')).MINE, 'yes')
    await assert.rejects(session.env(7), { message: 'Modules with id 7 not found' })
  })

  sessionTest('jlist gives the list', async (session) => {
    await session.start({ script: fixture('idle.js') })
    assert.deepStrictEqual(
      (await session.jlist()).map(({ name }) => name),
      ['idle'],
    )
  })

  sessionTest('flush without a process empties all, resurrect without a dump fails', async (session) => {
    assert.deepStrictEqual(await session.flush(), [])
    await assert.rejects(session.resurrect(), { message: "No processes saved; DUMP file doesn't exist" })
    assert.strictEqual(await session.clearDump(), undefined)
    assert.strictEqual(String(await session.resurrect()), '[]')
  })

  sessionTest('scale takes fewer, and nothing that is no number', async (session) => {
    await session.start({ script: fixture('idle.js'), name: 'a', instances: 3 })
    assert.deepStrictEqual(await session.scale('a', '-2'), { success: true })
    assert.deepStrictEqual(await session.getProcessIdByName('a'), [2])
    await assert.rejects(session.scale('a', '-2'), { code: 'RPM2_REFUSED' })
    for (const number of ['x', '+x', 1.5, undefined, {}]) {
      await assert.rejects(session.scale('a', number), { code: 'RPM2_USAGE' })
    }
  })

  sessionTest('get gives the value; keys and values must be there', async (session) => {
    assert.deepStrictEqual(await session.get(), { success: true })
    await session.set('app:key', { deep: [1] })
    assert.deepStrictEqual(await session.get('app:key'), { success: true, value: { deep: [1] } })
    assert.deepStrictEqual(await session.conf('app'), { success: true, value: { key: { deep: [1] } } })
    await assert.rejects(session.get('nobody'), { message: 'nobody is not set' })
    for (const args of [[], ['key'], ['', 1], [5, 1]]) await assert.rejects(session.set(...args), { code: 'RPM2_USAGE' })
  })

  sessionTest('startup writes a service and uninstallStartup removes it', async (session, home) => {
    const options = { user: 'www', hp: '/home/www', root: home }
    const { destination, template } = await session.startup('systemd', options)
    assert.strictEqual(destination, '/etc/systemd/system/rpm2-www.service')
    assert.strictEqual(fs.readFileSync(path.join(home, destination), 'utf8'), template)
    assert.deepStrictEqual(await session.uninstallStartup('systemd', options), {
      commands: ['systemctl disable rpm2-www'],
      platform: 'systemd',
    })
    assert.ok(!fs.existsSync(path.join(home, destination)))
    await assert.rejects(session.startup('smoke', options), { code: 'RPM2_USAGE' })
  })

  sessionTest('serve starts an app that serves', async (session, home) => {
    const folder = path.join(home, 'www')
    fs.mkdirSync(folder)
    fs.writeFileSync(path.join(folder, 'index.html'), 'served')
    const port = await freePort()
    const [app] = await session.serve(folder, port, { spa: true, env: { MINE: 'yes' } })
    assert.strictEqual(app.pm2_env.name, `static-page-server-${port}`)
    assert.strictEqual(app.pm2_env.env.MINE, 'yes')
    const text = await eventually(() => get(`http://127.0.0.1:${port}/none`).catch(() => undefined), 'it is served')
    assert.strictEqual(text, 'served')
    const again = new Promise((resolve) => session.serve(folder, port, {}, {}, resolve))
    assert.strictEqual((await again).message, 'Script already launched')
    await assert.rejects(session.serve(path.join(home, 'none')), { code: 'RPM2_USAGE' })
  })

  sessionTest('install starts a module, which `all` does not mean, and uninstall removes it', async (session, home) => {
    const folder = path.join(home, 'source')
    fs.mkdirSync(folder)
    const apps = [{ script: fixture('idle.js') }]
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'mod', version: '1.0.0', apps }))
    process.env.npm_config_cache = path.join(home, 'npm')
    process.env.npm_config_offline = 'true'
    const [module] = await session.install(folder)
    assert.deepStrictEqual([module.pm2_env.name, module.pm2_env.pmx_module], ['mod', true])
    await assert.rejects(session.stop('all'), { message: 'process name not found' })
    assert.deepStrictEqual(await session.Client.getAllProcessIdWithoutModules(), [])
    assert.strictEqual(await session.uninstall('mod'), undefined)
    assert.deepStrictEqual(await session.list(), [])
    await assert.rejects(session.uninstall('mod'), { message: 'Unknown module' })
  })

  sessionTest('slist and report give what they would print', async (session) => {
    const metrics = await session.slist()
    assert.ok(metrics['RAM Total'].value > 0 && metrics['CPU Usage'].value >= 0)
    assert.strictEqual(metrics['RAM Total'].unit, 'b')
    const { managed_apps, rpm2_version } = await session.report()
    assert.strictEqual(managed_apps, 0)
    assert.strictEqual(rpm2_version, require('../package.json').version)
  })

  sessionTest('a repository that is none is not pulled', async (session, home) => {
    await session.start({ script: fixture('idle.js'), name: 'app', cwd: home })
    await assert.rejects(session.pullAndReload('app'), { message: /^No versioning system found/ })
    await assert.rejects(session.backward('nobody'), { message: 'No processes with this name or id : nobody' })
  })

  sessionTest('what they cannot do is an error', async (session) => {
    await assert.rejects(session.profile('cpu', 1), { message: /no V8/ })
    await assert.rejects(session.profile('heap'), { code: 'RPM2_USAGE' })
    await assert.rejects(session.autoinstall(), { code: 'RPM2_USAGE' })
    await assert.rejects(session.msgProcess('name'), { code: 'RPM2_USAGE' })
    await assert.rejects(session.Client.executeRemote('nothing'), { message: 'method "nothing" does not exist' })
  })

  sessionTest('Client also promises', async (session) => {
    await session.start({ script: fixture('idle.js'), name: 'a', instances: 2 })
    assert.deepStrictEqual(await session.Client.getProcessIdByName('a'), [0, 1])
    assert.strictEqual((await session.Client.executeRemote('getMonitorData', {})).length, 2)
    assert.deepStrictEqual(await session.Client.executeRemote('ping'), { msg: 'pong' })
    assert.strictEqual((await session.Client.getProcessByNameOrId(1)).length, 1)
  })

  sessionTest('attach passes lines on and shows what comes back, until the input ends', async (session, home) => {
    await session.start({ script: fixture('acts.js'), name: 'echo', pmx: false, wait_ready: true })
    const bus = await session.launchBus()
    const heard = []
    bus.on('stdin', ({ data }) => heard.push(data.text))
    await session.start({ script: fixture('prints.js'), name: 'prints', wait_ready: true })
    const text = `const { custom } = require(${JSON.stringify(root)})
      const session = new custom({ pm2_home: ${JSON.stringify(home)} })
      session.attach(0).then(() => { console.log('over'); session.disconnect() })`
    const child = spawn(process.execPath, ['-e', text], { env: environmentFor(home), stdio: ['pipe', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => (output += chunk))
    child.stdin.write('one\ntw')
    await eventually(() => heard.join('') === 'one\n', 'the first line is heard')
    child.stdin.end('o')
    await eventually(() => heard.join('') === 'one\ntwo\n', 'the last line is heard')
    await eventually(() => output === 'over\n', 'attach is over')
  })
})
