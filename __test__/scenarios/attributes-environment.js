exports.title = 'attributes: what an app sees of its arguments, folder and environment'

const TELL = ['A', 'B', 'O', 'LIST', 'PORT', 'NODE_APP_INSTANCE', 'SLOT', 'COUNT', 'name', 'namespace', 'pm_id', 'status']
TELL.push('exec_mode', 'args', 'restart_time', 'instances', 'PM2_USAGE', 'PM2_HOME', 'TEST_SECRET', 'TEST_OTHER', 'watch')

exports.run = async ({ ok, record, fixture, eventually, home }) => {
  const fs = require('node:fs')
  const path = require('node:path')
  process.env.TEST_SECRET = 'secret'
  process.env.TEST_OTHER = 'other'
  const script = fixture('tells.js')
  const folder = path.dirname(script)
  /** What each process of an app told, in the order of their numbers. */
  const told = async (name) => {
    const processes = (await ok('list')).filter((process) => process.name === name).sort((a, b) => a.pm_id - b.pm_id)
    const lines = []
    for (const { pm2_env } of processes) {
      const file = pm2_env.pm_out_log_path
      const line = await eventually(() => {
        const all = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n') : ['']
        return all.find((text) => text && JSON.parse(text).told.pm_id === String(pm2_env.pm_id))
      }, `the line of ${name}`)
      const { told, ...rest } = JSON.parse(line)
      lines.push({ ...rest, told })
    }
    return lines
  }
  const start = async (name, app) => {
    const { env, ...rest } = app
    await ok('start', { script, name, env: { TELL: TELL.join(','), ...env }, ...rest })
    record(name, await told(name))
  }
  await start('plain', {})
  await start('args-text', { args: `one "two three" 'four five' six\\ seven --flag=1` })
  await start('args-list', { args: ['one', 'two three', '--x'] })
  await start('args-number', { args: ['1', '2'], node_args: ['--no-warnings', '--max-old-space-size=100'] })
  await start('node-args-text', { node_args: '--no-warnings --stack-size=900' })
  await start('interpreter-args', { interpreter_args: '--no-warnings' })
  await start('folder', { cwd: path.dirname(folder) })
  await start('variables', { env: { A: 1, B: true, O: { x: [1] }, LIST: ['a', 'b'] } })
  await start('port', { port: 4321 })
  await start('filtered', { filter_env: ['TEST_'] })
  await start('filtered-all', { filter_env: true })
  await start('filtered-text', { filter_env: 'SECRET' })
  await start('spaced', { namespace: 'space' })
  await start('forks', { instances: 2, exec_mode: 'fork' })
  await start('workers', { instances: 2, exec_mode: 'cluster' })
  await start('slots', { instances: 2, exec_mode: 'cluster', instance_var: 'SLOT' })
  await start('counting', { instances: 2, exec_mode: 'cluster', increment_var: 'COUNT', env: { COUNT: 40 } })
  await start('counting-up', { instances: 2, exec_mode: 'cluster', increment_var: 'COUNT' })
  await start('watching', { watch: ['nothing-here'] })
  await ok('start', { script, name: 'prefixed', name_prefix: 'blue-' })
  await ok('start', { apps: [{ script, name: 'staged', append_env_to_name: true, env: { A: 'plain' }, env_stage: { A: 'stage' } }] }, { env: 'stage' })
  record('names', (await ok('list')).map(({ name }) => name).sort())
  void home
}
