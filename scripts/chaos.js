'use strict'

// `npm run chaos -- --kills 100 --seed 7 [--binary path]`: kills the daemon at random moments while apps serve, talk
// and write, and counts what is lost. Ends with 1 if more is lost than may be. Leaves nothing running. `--json` prints
// what was counted as JSON. With `--update` another version takes over each time (`rpm2 update`) instead of a kill, as
// often as `--kills` says: nothing at all may be lost then. `--balance kernel` (or `least-connections`) has connections
// reach the web app that way: in kernel mode no request at all may fail.

const path = require('node:path')
const { parseArgs } = require('node:util')
const { Place, describe } = require('./chaos/place')
const { faultsOf, table } = require('./chaos/report')
const { eventually } = require('./chaos/wait')

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    binary: { type: 'string' },
    json: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
    balance: { type: 'string', default: 'round-robin' },
  },
})

const say = (text) => values.json || console.log(text)

function progress(count, milliseconds) {
  const what = values.update ? 'updates' : 'kills'
  if (count % 10 === 0) say(`${count} ${what}; the last daemon was away for ${milliseconds.toFixed(0)} ms`)
}

async function main() {
  const [kills, seed] = [Number(values.kills), Number(values.seed)]
  if (!(kills >= 1) || !Number.isInteger(seed)) throw new Error('--kills and --seed must be whole numbers')
  if (values.binary) process.env.RPM2_BINARY = path.resolve(values.binary)
  for (const name of Object.keys(process.env)) if (/^(npm_|NODE_TEST|NODE_OPTIONS)/.test(name)) delete process.env[name]
  const place = new Place()
  process.env.CHAOS_HOME = place.home
  process.once('exit', () => place.leave())
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  const how = { kills, seed, progress, updates: values.update, balance: values.balance }
  const result = await require('./chaos/run').run(place, how)
  // Daemon and keeper have told that they end, and may take a moment more.
  await eventually(() => place.inhabitants().length === 0, 'nobody', 2000).catch(() => {})
  const left = place.inhabitants().map((pid) => `${pid} (${describe(pid)})`)
  const faults = faultsOf(result)
  if (left.length > 0) faults.push(`processes were left: ${left.join(', ')}`)
  say(`\n${table(result)}\n`)
  if (values.json) console.log(JSON.stringify({ faults, ...result }))
  for (const fault of faults) console.error(`rpm2: ${fault}`)
  say(faults.length === 0 ? `all is well (seed ${seed})` : `not well (seed ${seed})`)
  process.exit(faults.length === 0 ? 0 : 1)
}

main().catch((error) => {
  console.error(`rpm2: chaos failed: ${error.stack}`)
  process.exit(1)
})
