'use strict'

// getSystemData: pm2's own client asks both daemons about this machine, and gets the same figures.

const assert = require('node:assert')
const { test } = require('node:test')
const engines = require('./support/engines')
const { environmentFor, makeHome } = require('./support/home')
const { runScript } = require('./support/run')

// pm2 has its figures some seconds after its start, one after another.
const script = `
  const pm2 = require(${JSON.stringify(engines.pm2.module)})
  const ask = () => new Promise((resolve, reject) => {
    pm2.Client.executeRemote('getSystemData', {}, (error, figures) => (error ? reject(error) : resolve(figures)))
  })
  const isComplete = (names) => ['CPU Usage', 'Disk Writes', 'fs:size:/'].every((name) => names.includes(name))
  pm2.connect(async () => {
    let figures = {}
    while (!isComplete(Object.keys(figures))) figures = await ask()
    console.log(JSON.stringify(figures))
    process.exit()
  })`

async function figuresOf(engine) {
  const place = makeHome()
  const options = { env: environmentFor(place.home) }
  try {
    const launch = `const pm2 = require(${JSON.stringify(engines[engine].module)}); pm2.connect(() => pm2.disconnect())`
    await runScript(launch, options)
    const { stdout, stderr, code } = await runScript(script, options)
    assert.deepStrictEqual([stderr, code], ['', 0])
    return JSON.parse(stdout)
  } finally {
    await place.remove()
  }
}

test("getSystemData has pm2's figures", { timeout: 120_000 }, async () => {
  const [theirs, ours] = [await figuresOf('pm2'), await figuresOf('rpm2')]
  const form = (figures) => Object.entries(figures).map(([name, { value, ...form }]) => [name, typeof value, form])
  assert.deepStrictEqual(form(ours), form(theirs))
  const value = (figures, name) => figures[name].value
  for (const name of ['RAM Total', 'fs:size:/']) assert.strictEqual(value(ours, name), value(theirs, name), name)
  for (const name of ['RAM Available', 'fs:use:/']) {
    const ratio = value(ours, name) / value(theirs, name)
    assert.ok(ratio > 0.5 && ratio < 2, `${name}: ${value(ours, name)}, pm2 ${value(theirs, name)}`)
  }
  const { value: cpu } = ours['CPU Usage']
  assert.ok(cpu >= 0 && cpu <= 100, `${cpu}`)
})
