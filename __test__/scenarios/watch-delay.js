// From the moment that a change is told to the restart: at least `watch_delay`. A change that comes meanwhile is no
// second restart.
const fs = require('node:fs')
const path = require('node:path')

exports.title = 'watch_delay is waited for between a change and the restart'

const DELAY = 700

exports.expected = { waited: true, restarts: 1 }

exports.run = async ({ ok, record, listen, eventually, home }) => {
  const cwd = path.join(home, 'app')
  fs.mkdirSync(cwd)
  await ok('connect')
  const told = await listen('log:PM2', ({ data }) => /Change detected on path/.test(data) ? performance.now() : undefined)
  const events = await listen('process:event', ({ event }) => event === 'exit' ? performance.now() : undefined)
  const attributes = { watch: true, watch_delay: DELAY, autorestart: false }
  await ok('start', { name: 'app', script: '/bin/sleep', args: '600', interpreter: 'none', cwd, ...attributes })
  let count = 0
  const change = () => fs.writeFileSync(path.join(cwd, 'file'), String(count++))
  // Watching begins some time after the start.
  while (told.seen.length === 0) {
    change()
    await eventually(() => told.seen.length > 0, 'the change is told', 300).catch(() => {})
  }
  change()
  const restarts = async () => (await ok('list'))[0].pm2_env.restart_time
  await eventually(async () => (await restarts()) === 1 && events.seen.length > 0, 'the app is restarted')
  record('waited', events.seen[0] - told.seen[0] >= DELAY - 50)
  await eventually(async () => (await ok('list'))[0].pm2_env.status === 'online', 'it runs again')
  record('restarts', await restarts())
  await ok('delete', 'all')
}
