// In fork mode only: in cluster mode pm2 reloads. pm2 looks every 30 s; a variable shortens that.
const fs = require('node:fs')
const path = require('node:path')

exports.title = 'an app that uses more than max_memory_restart is restarted'

exports.expected = {
  limit: 157286400,
  events: [
    ['exit', false, 'stopping', 0],
    ['exit', false, 'stopped', 0],
    ['online', false, 'launching', 1],
  ],
}

exports.run = async ({ ok, record, fixture, listen, eventually, home }) => {
  process.env.PM2_WORKER_INTERVAL = '500'
  const env = { GROW: path.join(home, 'grow') }
  await ok('start', { script: fixture('greedy.js'), name: 'app', max_memory_restart: '150M', env })
  record('limit', (await ok('describe', 'app'))[0].pm2_env.max_memory_restart)
  const { seen } = await listen('process:event', ({ event, manually, process }) => {
    return [event, Boolean(manually), process.status, process.restart_time]
  })
  const { seen: lines } = await listen('log:PM2', ({ data }) => (data.includes('max-memory') ? data : undefined))
  await ok('list')
  fs.writeFileSync(env.GROW, '')
  await eventually(() => seen.length >= 3, 'a restart')
  record('events', seen)
  record('line', lines[0].replace(/current_memory=\d+/, 'current_memory=<number>'))
  await ok('delete', 'app')
}
