'use strict'

const { spawnSync } = require('node:child_process')
const { median } = require('../harness/statistics')
const { idleApps, settled, sleepers, timed } = require('./support')

const COMMANDS = ['jlist', 'ls']
/** Where it is many, they are not Node's: two hundred idle ones, with their managers' agents, would not be idle. */
const SIZES = { 10: idleApps, 100: sleepers }

const title = (command, size) => `command \`${command}\`, ${size} apps`

/** Times several runs, and gives their median: one is too short to be alone. */
async function several(count, run) {
  const times = []
  for (let turn = 0; turn < count; turn++) times.push(await timed(run))
  return median(times)
}

/** How many apps the output of a command shows. */
const shown = (command, output) =>
  command === 'jlist' ? JSON.parse(output.slice(output.indexOf('['))).length : output.match(/\bidle-\d+/g).length

const rowsFor = (size) =>
  COMMANDS.map((command) => ({ id: `${command}-${size}`, title: title(command, size), unit: 'ms' }))

/** Both commands with so many apps. */
const withApps = (size) => ({
  name: `command-${size}`,
  rows: rowsFor(size),
  async manager({ manager, contestant, check, amount }) {
    const apps = await manager.start(SIZES[size](size), size)
    await settled(apps.map(({ process }) => process.pid))
    const count = contestant === 'pm2' ? 1 : amount(20, 3)
    return async () => {
      const values = {}
      for (const command of COMMANDS) {
        let output
        values[`${command}-${size}`] = await several(count, () => (output = manager.command(command)))
        const seen = shown(command, output)
        check(seen === size, `${command} shows ${seen} apps, not ${size}`, `${command}-${size}`)
      }
      return values
    }
  },
  async limit({ amount }) {
    return async () => {
      const time = await several(amount(20, 3), () => spawnSync('/bin/true', [], { encoding: 'utf8' }))
      return Object.fromEntries(COMMANDS.map((command) => [`${command}-${size}`, time]))
    }
  },
})

module.exports = Object.keys(SIZES).map((size) => withApps(Number(size)))
