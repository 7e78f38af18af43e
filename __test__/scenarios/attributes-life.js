exports.title = 'attributes: when an app is restarted, stopped and given up'

exports.run = async ({ call, ok, record, fixture, eventually, home }) => {
  const fs = require('node:fs')
  const path = require('node:path')
  const script = fixture('ends.js')
  const of = async (name) => (await ok('list')).find((process) => process.name === name)
  const settled = (name, status) => eventually(async () => (await of(name))?.pm2_env.status === status && of(name), `${name} is ${status}`)
  const start = async (name, { env, ...app } = {}, status = 'stopped') => {
    const runs = path.join(home, `${name}.runs`)
    const [error] = await call('start', { script, name, ...app, env: { RUNS: runs, ...env } })
    if (error) return record(`${name} start`, error)
    const { pid, pm2_env } = await settled(name, status)
    if (status === 'online') await eventually(() => fs.existsSync(runs), `${name} has begun`)
    const count = fs.existsSync(runs) ? fs.readFileSync(runs, 'utf8').trim().split('\n').length : 0
    const { restart_time, unstable_restarts, exit_code } = pm2_env
    record(name, { running: pid > 0, restart_time, unstable_restarts, exit_code, runs: count })
  }
  await start('no-restart', { autorestart: false, env: { CODE: 3 } })
  await start('code', { stop_exit_codes: [5, 7], env: { CODE: 7 } })
  await start('one-code', { stop_exit_codes: 4, env: { CODE: 4 } })
  await start('three', { max_restarts: 3, env: { CODE: 1 } }, 'errored')
  await start('default-limit', { env: { CODE: 1 } }, 'errored')
  await start('short', { min_uptime: '10s', max_restarts: 2, env: { CODE: 1 } }, 'errored')
  await start('not-started', { autostart: false })
  await start('delayed', { restart_delay: 60_000, env: { CODE: 1 } }, 'waiting restart')
  await start('backoff', { exp_backoff_restart_delay: 60_000, env: { CODE: 1 } }, 'waiting restart')
  await start('lasting', { env: { AFTER: 'never' } }, 'online')
  await start('ready-late', { wait_ready: true, listen_timeout: 300, env: { AFTER: 'never' } }, 'online')

  // Stopping: patience, SIGKILL, a message instead of the signal.
  const stop = async (name, app, env) => {
    await start(name, { ...app, env: { AFTER: 'never', ...env } }, 'online')
    const file = (await of(name)).pm2_env.pm_out_log_path
    await ok('stop', name)
    const { pid, pm2_env } = await of(name)
    record(`${name} stopped`, { pid, status: pm2_env.status, exit_code: pm2_env.exit_code, said: fs.readFileSync(file, 'utf8') })
  }
  await stop('obedient', {})
  await stop('told', { shutdown_with_message: true })
  await stop('killed', { kill_timeout: 300 }, { IGNORE: 1 })
  await ok('delete', 'all')
}
