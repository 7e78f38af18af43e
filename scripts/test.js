'use strict'

// `npm test`: everything that can be tested, with the set-up it needs. `npm test js` and `npm test rust`: one half.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const tests = path.join(root, '__test__')
const wanted = process.argv.slice(2)
const wants = (half) => wanted.length === 0 || wanted.includes(half)

function run(command, args, env = {}) {
  console.log(`\n$ ${path.basename(command)} ${args.join(' ')}`)
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  if (error) console.error(`rpm2: cannot run ${command}: ${error.message}`)
  return status === 0
}

/** pm2, which we are compared with, TypeScript, and the Nodes to test with: `npm ci` unless they are here. */
function installDependencies() {
  const age = (file) => fs.statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (age('node_modules/.package-lock.json') >= age('package-lock.json')) return true
  return run('npm', ['ci', '--ignore-scripts'])
}

function testJavaScript() {
  const files = fs.readdirSync(tests).filter((file) => file.endsWith('.test.js'))
  const reporter = process.stdout.isTTY ? [] : ['--test-reporter=spec']
  return run(process.execPath, ['--test', ...reporter, ...files.map((file) => path.join('__test__', file))])
}

function testRust() {
  const { nodes } = require('../__test__/support/nodes')
  return run(process.env.CARGO || 'cargo', ['test', '--locked'], { RPM2_TEST_NODES: nodes().join(':') })
}

function main() {
  if (!installDependencies()) return false
  require('./build')
  const results = [wants('js') ? testJavaScript() : true, wants('rust') ? testRust() : true]
  return results.every(Boolean)
}

process.exitCode = main() ? 0 : 1
