'use strict'

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const { run } = require('./support/run')

const root = path.join(__dirname, '..')
const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')

test('the types compile, with programs written for pm2 and with our own', async () => {
  const { stdout, code } = await run(process.execPath, [tsc, '-p', path.join(__dirname, 'types')])
  assert.deepStrictEqual([stdout, code], ['', 0])
})

test('the program written for pm2 really is one: it compiles against pm2', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'r-types-'))
  try {
    const config = path.join(folder, 'tsconfig.json')
    const pm2 = path.join(root, 'node_modules', 'pm2', 'types', 'index.d.ts')
    const types = path.join(__dirname, 'types')
    const compilerOptions = { paths: { pm2: [pm2] } }
    fs.writeFileSync(
      config,
      JSON.stringify({
        extends: path.join(types, 'tsconfig.json'),
        compilerOptions,
        files: [path.join(types, 'pm2.ts')],
      }),
    )
    const { stdout, code } = await run(process.execPath, [tsc, '-p', config])
    assert.deepStrictEqual([stdout, code], ['', 0])
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})

test('every name the types declare is there, and the other way round', () => {
  const text = fs.readFileSync(path.join(root, 'index.d.ts'), 'utf8')
  const declared = [...text.matchAll(/^export const (\w+)/gm)].map(([, name]) => name)
  assert.deepStrictEqual([...declared, 'delete'].sort(), Object.keys(require('..')).sort())
})
