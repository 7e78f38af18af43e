exports.title = 'dump, resurrect and clearDump'

const fs = require('node:fs')
const path = require('node:path')

exports.expected = {
  'dump()': {
    error: { error: 'Process list empty, cannot save empty list' },
    result: undefined,
  },
  'dump(true)': { error: null, result: { success: true } },
}

exports.run = async ({ ok, record, recordCall, fixture, home }) => {
  const dump = path.join(home, 'dump.pm2')
  const saved = (file = dump) => JSON.parse(fs.readFileSync(file))
  const listed = async () =>
    (await ok('list')).map(({ name, pm_id, pid, pm2_env: { status, restart_time, exec_mode } }) => [
      name,
      pm_id,
      pid > 0,
      status,
      restart_time,
      exec_mode,
    ])
  await recordCall('dump')
  await recordCall('dump', true)
  record('an empty list', saved())
  // One after the other: pm2 starts those of one call beside each other.
  await ok('start', { script: fixture('idle.js'), name: 'a', env: { A: '1' }, args: ['x'] })
  await ok('start', { script: fixture('idle.js'), name: 'web', exec_mode: 'cluster', instances: 2 })
  await ok('start', { script: fixture('idle.js'), name: 'resting' })
  await ok('stop', 'resting')
  await ok('restart', 'a')
  record('dumped', await ok('dump'))
  record('the backup', saved(`${dump}.bak`))
  record(
    'saved',
    saved().map((app) => [app.name, app.status, app.exec_mode, app.args, app.env.A, app.A, app.pm_id, app.instances]),
  )
  record('the paths', [saved()[0].pm_exec_path, saved()[0].pm_out_log_path, saved()[0].pm_cwd])

  await ok('delete', 'web')
  await ok('delete', 'resting')
  const text = await ok('resurrect')
  record('the result', [Buffer.isBuffer(text), String(text) === fs.readFileSync(dump, 'utf8')])
  record('those that were missing', await listed())
  await ok('resurrect')
  record('nothing is missing', await listed())

  await ok('delete', 'all')
  fs.writeFileSync(`${dump}.bak`, fs.readFileSync(dump))
  fs.writeFileSync(dump, '{broken')
  await ok('resurrect')
  record('from the backup', await listed())
  record('the broken one is gone', fs.existsSync(dump))
  await ok('stop', 'web')
  record('instances', (await ok('describe', 'web')).map(({ pm2_env }) => pm2_env.NODE_APP_INSTANCE))
  await ok('clearDump')
  record('cleared', saved())
}
