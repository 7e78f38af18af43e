'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { after, before, describe, test } = require('node:test')
const { platforms } = require('../js/platforms')
const { describePlatform } = require('../scripts/platforms')
const { run } = require('./support/run')

const root = path.join(__dirname, '..')
const here = fs.realpathSync(path.join(root, 'bin', 'rpm2'))

describe('the platforms', () => {
  for (const platform of platforms) {
    test(`${platform.triple} has its folder, as the table says`, () => {
      const text = fs.readFileSync(path.join(root, 'npm', platform.triple, 'package.json'), 'utf8')
      assert.strictEqual(text, describePlatform(platform))
    })
  }

  test('the shell launcher has the same table', () => {
    const launcher = fs.readFileSync(here, 'utf8')
    const lines = [...launcher.matchAll(/^ {2}([a-z0-9-]+):(\/\S+?)(?:;| \\)/gm)].map(([, triple, loader]) => ({
      triple,
      loader,
    }))
    const expected = platforms.filter(({ loader }) => loader).map(({ triple, loader }) => ({ triple, loader }))
    assert.deepStrictEqual(lines, expected)
  })
})

describe('the launcher', () => {
  let folder
  const at = (...parts) => path.join(folder, ...parts)
  const copy = () => {
    for (const part of ['bin', 'js']) fs.cpSync(path.join(root, part), at('package', part), { recursive: true })
    return at('package', 'bin', 'rpm2')
  }
  const program = (text, ...parts) => {
    fs.mkdirSync(path.dirname(at(...parts)), { recursive: true })
    fs.writeFileSync(at(...parts), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    return at(...parts)
  }
  /** A program in place of rpm2's own, for every platform. */
  const install = (text) => {
    for (const { triple } of platforms) program(text, 'package', 'npm', triple, 'rpm2')
  }
  const link = (target, ...parts) => {
    fs.mkdirSync(path.dirname(at(...parts)), { recursive: true })
    fs.rmSync(at(...parts), { force: true })
    fs.symlinkSync(target, at(...parts))
    return at(...parts)
  }

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'r l-'))
    copy()
  })
  after(() => fs.rmSync(folder, { recursive: true }))

  test('becomes the program: its arguments, its process, its exit code', async () => {
    install('printf "%s|" "$@"; echo $$ >&2; exit 7')
    let pid
    const result = await run(at('package', 'bin', 'rpm2'), ['a b', '', '*', '$x'], {
      onOutput: (_, child) => (pid = child.pid),
    })
    assert.deepStrictEqual([result.stdout, result.code], ['a b||*|$x|', 7])
    assert.strictEqual(Number(result.stderr), pid)
  })

  test('is found through links, as npm makes them, however many', async () => {
    install('echo it')
    const links = [
      link('../package/bin/rpm2', '.bin', 'rpm2'),
      link(at('.bin', 'rpm2'), 'elsewhere', 'of another name'),
      link('of another name', 'elsewhere', 'rpm2'),
    ]
    for (const one of links) assert.strictEqual((await run(one, [])).stdout, 'it\n', one)
    assert.strictEqual((await run('rpm2', [], { env: { PATH: `${at('.bin')}:${process.env.PATH}` } })).stdout, 'it\n')
    assert.strictEqual((await run('sh', [at('package', 'bin', 'rpm2')])).stdout, 'it\n')
  })

  test('under the name rpm2-runtime it is the command `runtime`', async () => {
    install('printf "%s|" "$@"')
    const { bin } = require('../package.json')
    assert.strictEqual(bin['rpm2-runtime'], bin.rpm2)
    const one = link('../package/bin/rpm2', '.bin', 'rpm2-runtime')
    assert.strictEqual((await run(one, ['app.js', '--raw'])).stdout, 'runtime|app.js|--raw|')
    const other = program('echo other "$@"', 'other')
    assert.strictEqual(
      (await run(one, ['x'], { env: { ...process.env, RPM2_BINARY: other } })).stdout,
      'other runtime x\n',
    )
  })

  test('does not take a neighbour for itself', async () => {
    install('echo mine')
    program('echo other', 'modules', 'rpm2', 'bin', 'rpm2')
    const one = link(at('package', 'bin', 'rpm2'), 'modules', '.bin', 'rpm2')
    assert.strictEqual((await run(one, [])).stdout, 'mine\n')
  })

  test('RPM2_BINARY is run instead', async () => {
    const other = program('echo other "$@"', 'other')
    assert.strictEqual(
      (await run(at('package', 'bin', 'rpm2'), ['x'], { env: { ...process.env, RPM2_BINARY: other } })).stdout,
      'other x\n',
    )
  })

  test('says what is wrong when there is no program', async () => {
    fs.rmSync(at('package', 'npm'), { recursive: true, force: true })
    const missing = await run(at('package', 'bin', 'rpm2'), ['list'])
    assert.match(missing.stderr, /^rpm2: rpm2's program for \S+ is missing: /)
    assert.match(missing.stderr, /install it again/)
    assert.strictEqual(missing.code, 127)

    const foreign = platforms.find(({ os: name }) => name !== process.platform).triple
    program('', 'package', 'npm', foreign, 'rpm2')
    const copied = await run(at('package', 'bin', 'rpm2'), [])
    assert.match(copied.stderr, new RegExp(`installed for ${foreign}, but this is `))
    assert.match(copied.stderr, /copied from another machine/)
    assert.strictEqual(copied.code, 127)
  })

  test('without Node it still says so', async () => {
    fs.rmSync(at('package', 'npm'), { recursive: true, force: true })
    const { stderr, code } = await run('/bin/sh', [at('package', 'bin', 'rpm2')], { env: { PATH: '/nonexistent' } })
    assert.match(stderr, /its program for this platform is missing/)
    assert.strictEqual(code, 127)
  })

  const throughNode = (text, options) => {
    const other = program(text, 'other')
    return run(process.execPath, [at('package', 'bin', 'rpm2.js'), 'x'], {
      env: { ...process.env, RPM2_BINARY: other },
      ...options,
    })
  }

  test('in Node passes on arguments, exit code and death by a signal', async () => {
    install('')
    assert.deepStrictEqual(await throughNode('echo "$@"; exit 3'), { stdout: 'x\n', stderr: '', code: 3, signal: null })
    assert.strictEqual((await throughNode('kill -TERM $$')).signal, 'SIGTERM')
    assert.strictEqual((await throughNode('kill -KILL $$')).signal, 'SIGKILL')
  })

  test('in Node passes on signals it gets', async () => {
    install('')
    const script = 'trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 0.02; done'
    let sent = false
    const onOutput = ({ stdout }, child) => {
      if (!sent && stdout.includes('ready')) sent = child.kill('SIGTERM')
    }
    const { stdout, code } = await throughNode(script, { onOutput })
    assert.deepStrictEqual([stdout, code], ['ready\ngot it\n', 5])
  })
})
