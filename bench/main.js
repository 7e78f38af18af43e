'use strict'

// `npm run bench`: rpm2, pm2 and the limit (the same work without a manager) side by side, in turns, as one table.
// `npm run bench -- --help` says what it can be told, docs/bench.md how each figure is measured.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Calibration } = require('./harness/calibration')
const { clear } = require('./contestant/place')
const { figures } = require('./figures')
const { describeRun, refuseDebugBuild } = require('./harness/build')
const { USAGE, readOptions } = require('./harness/options')
const { writePages } = require('./harness/page')
const { finish, measure } = require('./harness/runner')
const { table } = require('./harness/table')

const isWanted = ({ name, isGrowth = false }, { only, growth }) => (only ? only.includes(name) : growth || !isGrowth)

async function main() {
  const options = readOptions(
    process.argv.slice(2),
    figures.map(({ name }) => name),
  )
  if (options.help) return console.log(USAGE)
  refuseDebugBuild()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rb-'))
  process.once('exit', () => {
    clear('RPM2_BENCH', folder)
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  // A terminal and its shell may both send one: the second must not cut the clearing short.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))
  const rows = []
  const calibration = new Calibration()
  await calibration.measure()
  for (const figure of figures.filter((figure) => isWanted(figure, options))) {
    const begun = performance.now()
    rows.push(...(await measure(figure, { ...options, calibration, folder })))
    console.error(`${figure.name}: ${((performance.now() - begun) / 1000).toFixed(0)} s`)
  }
  await calibration.end()
  finish(rows, calibration.best)
  const run = describeRun(options)
  const text = `${run.title}\n\n${table(rows)}`
  console.log(text)
  if (options.json) fs.writeFileSync(options.json, JSON.stringify({ ...run, rows }, null, 1))
  if (options.chart) writePages(rows, run.title, text)
  if (rows.some(({ faults }) => faults.length > 0)) {
    console.error('\nrpm2: some rows are not comparable; their reasons are below the table')
    process.exitCode = 1
  }
}

main().catch((error) => {
  console.error(`rpm2: ${error.message}`)
  process.exit(1)
})
