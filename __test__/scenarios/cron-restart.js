exports.title = 'cron_restart restarts an app when it is due, starts it when it is stopped, and ends with 0'

exports.expected = {
  'when it runs': [
    ['exit', false, 'stopping', 0],
    ['exit', false, 'stopped', 0],
    ['online', false, 'launching', 1],
  ],
  'when it is stopped': [['online', false, 'launching', 0]],
}

// Once a minute, so many seconds from now: what is done before does not meet it.
const inSeconds = (count) => `${new Date(Date.now() + count * 1000).getSeconds()} * * * * *`

exports.run = async ({ ok, record, call, fixture, listen, eventually }) => {
  await ok('connect')
  const { seen } = await listen('process:event', ({ event, manually, process }) => {
    return [event, Boolean(manually), process.status, process.restart_time]
  })
  const { seen: lines } = await listen('log:PM2', ({ data }) => (data.includes('cron job') ? data : undefined))
  const declare = (cron_restart) => ok('start', { script: fixture('idle.js'), name: 'app', cron_restart })
  await declare(inSeconds(3))
  await eventually(() => seen.length === 2, 'the start')
  seen.length = 0
  await eventually(() => seen.length >= 3, 'a restart')
  record('when it runs', [...seen])
  await ok('delete', 'app')
  await declare(inSeconds(4))
  await ok('stop', 'app')
  await eventually(() => seen.some(([event]) => event === 'stop'), 'the stop')
  seen.length = 0
  await eventually(() => seen.length > 0, 'a start')
  record('when it is stopped', [...seen])
  await declare('0')
  record('attribute', (await ok('describe', 'app'))[0].pm2_env.cron_restart)
  await ok('delete', 'app')
  await eventually(() => seen.filter(([event]) => event === 'exit').length === 4, 'the last exit')
  record('lines', lines)
  const [error] = await call('start', { script: fixture('idle.js'), name: 'bad', cron_restart: '61 * * * *' })
  record('a bad pattern', error)
}
