'use strict'

// The packed tarball, installed into an empty folder: no Rust, no registry.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { after, before, describe, test } = require('node:test')
const { environmentFor, makeHome } = require('./support/home')
const { nodes } = require('./support/nodes')
const { run } = require('./support/run')

const root = path.join(__dirname, '..')

// A cargo that fails: nothing may be built. No registry is asked.
const npm = (args, cwd) =>
  run('npm', [...args, '--offline', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    env: { ...process.env, CARGO: 'false' },
  })

// What a program does first: it finds or launches the daemon, and hears of an app it starts.
const program = (expression) => `
  (async () => {
    const daemon = ${expression}
    await daemon.connect()
    const bus = await daemon.launchBus()
    const heard = new Promise((resolve) => bus.on('hello', resolve))
    await daemon.start({ script: './app.js', exec_mode: 'cluster' })
    console.log((await heard).data)
    await daemon.killDaemon()
    await daemon.disconnect()
  })()`

describe('the tarball', { concurrency: false }, () => {
  let folder
  let tarball
  const at = (...parts) => path.join(folder, ...parts)

  /** A folder with a program in it and the tarball installed under `name`. */
  async function project(name) {
    const place = at(name ?? 'bare')
    fs.mkdirSync(place)
    const write = (file, text) => fs.writeFileSync(path.join(place, file), text)
    write('package.json', '{ "private": true }')
    write('app.js', "process.send({ type: 'hello', data: process.version }); setInterval(() => {}, 1e6)")
    write('required.js', program("require('pm2')"))
    write(
      'imported.mjs',
      `import pm2, { list } from 'pm2'; if (list !== pm2.list) throw new Error('named'); ${program('pm2')}`,
    )
    write('dynamic.js', program("(await import('pm2')).default"))
    write('own.js', program("require('rpm2')"))
    if (name) {
      const { code, stderr } = await npm(['install', `${name}@file:${tarball}`], place)
      assert.strictEqual(code, 0, stderr)
    }
    return place
  }

  async function plays(place, node, args) {
    const { home, remove } = makeHome()
    try {
      const { stdout, stderr, code } = await run(node, args, { cwd: place, env: environmentFor(home) })
      assert.deepStrictEqual([stderr, code], ['', 0])
      assert.match(stdout, /^v\d+\.\d+\.\d+\n$/)
    } finally {
      await remove()
    }
  }

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'r-pack-'))
    const { stdout, code, stderr } = await npm(
      ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
      root,
    )
    assert.strictEqual(code, 0, stderr)
    const [packed] = [JSON.parse(stdout)].flatMap((value) => (Array.isArray(value) ? value : Object.values(value)))
    tarball = at(packed.filename)
  })
  after(() => fs.rmSync(folder, { recursive: true, force: true }))

  test('holds what it needs and nothing else', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball])
    const files = stdout.trim().split('\n')
    for (const file of [
      'package.json',
      'README.md',
      'LICENSE',
      'index.js',
      'index.mjs',
      'index.d.ts',
      'register.js',
      'agent/agent.js',
      'bin/rpm2',
    ]) {
      assert.ok(files.includes(`package/${file}`), file)
    }
    assert.deepStrictEqual(
      files.filter((file) => /^package\/(src|target|__test__|tests|node_modules|scripts|bench|Cargo|\.)/.test(file)),
      [],
    )
  })

  test('installs as rpm2: module, register hook and command', async () => {
    const place = await project('rpm2')
    await plays(place, process.execPath, ['own.js'])
    for (const node of nodes()) {
      await plays(place, node, ['-r', 'rpm2/register', 'required.js'])
      await plays(place, node, ['-r', 'rpm2/register', 'imported.mjs'])
      await plays(place, node, ['-r', 'rpm2/register', 'dynamic.js'])
    }
    await plays(place, process.execPath, ['--import', 'rpm2/register', 'imported.mjs'])
    const command = path.join(place, 'node_modules', '.bin', 'rpm2')
    // Without the program, the launcher would say so and end with 127.
    const { stderr, code } = await run(command, ['--version'], { env: { PATH: '/usr/bin:/bin' } })
    assert.deepStrictEqual([stderr, code], ['', 0])
  })

  test('installs as pm2: programs run as they stand', async () => {
    const place = await project('pm2')
    for (const node of nodes()) {
      await plays(place, node, ['required.js'])
      await plays(place, node, ['imported.mjs'])
    }
  })

  test('works by path, without being installed where the program is', async () => {
    const place = await project()
    await plays(place, process.execPath, ['-r', at('rpm2', 'node_modules', 'rpm2', 'register.js'), 'required.js'])
  })
})
