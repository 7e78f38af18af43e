exports.title = 'start refuses what cannot be started'

exports.expected = {
  'start("/nowhere/app.js")': { error: { error: 'Script not found: /nowhere/app.js' }, result: undefined },
}

exports.run = async ({ call, record, recordCall, fixture, ok }) => {
  await recordCall('start', '/nowhere/app.js')
  await recordCall('start', { script: '/nowhere/app.js' })
  const failures = async (label, ...args) => {
    const [error, result] = await call('start', ...args)
    record(label, { error, names: result?.map((app) => app.name ?? app.pm2_env.name) })
  }
  await failures('array', [
    { script: '/nowhere/a.js' },
    { script: fixture('idle.js'), name: 'good' },
    { script: '/nowhere/b.js' },
  ])
  await failures('no script', { name: 'none' })
  await failures('interpreter', { script: fixture('idle.js'), name: 'i', interpreter: 'no-such-interpreter' })
  await failures('type', { script: fixture('idle.js'), max_restarts: 'often' })
  await failures('value', { script: fixture('idle.js'), exec_mode: 'sideways' })
  await failures('minimum', { script: fixture('idle.js'), min_uptime: 5 })
  await failures('two wrong', { script: fixture('idle.js'), max_restarts: 'x', min_uptime: 5 })
  record(
    'running',
    (await ok('list')).map(({ name }) => name),
  )
}
