'use strict'

// The same with ever more apps (`--growth`): how what they cost grows with their number. Each round has a new daemon.

const { median } = require('../harness/statistics')
const { memory, sleeps, used } = require('../contestant/processes')
const { pause, sleepers, timed } = require('./support')

const SIZES = [1, 10, 100, 1000]
const LISTS = 30
const SETTLE = 2000

const FIGURES = {
  list: ['`list`', 'ms'],
  start: ['start of all', 'ms'],
  restart: ['restart of all', 'ms'],
  crash: ['crash to restart', 'ms'],
  pss: ['memory of daemon + keeper, PSS', 'MB'],
  cpu: ["idle: daemon's processor time", 'ms/s'],
  wakes: ["idle: daemon's wake-ups", '/s'],
}

const plural = (size) => `${size.toLocaleString('en-US')} app${size === 1 ? '' : 's'}`

const rowsFor = (size) =>
  Object.entries(FIGURES).map(([what, [title, unit]]) => ({
    id: `growth-${what}-${size}`,
    title: `${title}, ${plural(size)}`,
    unit,
    growth: { what, size },
  }))

/** Kills one app; milliseconds until its next process is reported. */
async function crash(bus, { pid, pm_id }) {
  const restarted = new Promise((resolve) => {
    bus.on('process:event', ({ event, process }) => event === 'online' && process.pm_id === pm_id && resolve())
  })
  const time = await timed(() => {
    process.kill(pid, 'SIGKILL')
    return restarted
  })
  bus.off('process:event')
  return time
}

async function idle(manager, seconds) {
  const { pids } = manager
  const before = [used(pids), sleeps(pids)]
  await pause(seconds * 1000)
  return { cpu: (used(pids) - before[0]) / 1000 / seconds, wakes: (sleeps(pids) - before[1]) / seconds }
}

async function measureOnce({ manager, amount, check }, size) {
  await manager.call('connect')
  const values = { start: await timed(() => manager.start(sleepers(size), size)) }
  await pause(amount(SETTLE))
  const lists = []
  let apps
  for (let count = 0; count < LISTS; count++) {
    lists.push(await timed(async () => (apps = await manager.call('list'))))
  }
  check(apps.length === size, `${apps.length} apps are listed, not ${size}`)
  values.list = median(lists)
  values.pss = memory(manager.pids).pss
  Object.assign(values, await idle(manager, amount(5)))
  values.crash = await crash(await manager.call('launchBus'), apps[Math.floor(size / 2)])
  values.restart = await timed(() => manager.call('restart', 'all'))
  const online = (await manager.call('list')).filter(({ pm2_env }) => pm2_env.status === 'online').length
  check(online === size, `${online} apps are online after the restart, not ${size}`)
  await manager.call('killDaemon')
  return Object.fromEntries(Object.entries(values).map(([what, value]) => [`growth-${what}-${size}`, value]))
}

module.exports = SIZES.map((size) => ({
  name: `growth-${size}`,
  isGrowth: true,
  rounds: size < 1000 ? 3 : 2,
  warmUps: 0,
  patience: 600_000,
  contestants: ['rpm2', 'pm2'],
  rows: rowsFor(size),
  manager: async (tools) => () => measureOnce(tools, size),
}))
