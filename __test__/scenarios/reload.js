exports.title = 'reload'
exports.events = ['process:event']

exports.expected = {
  'reload("nobody")': { error: { error: 'process or namespace not found' }, result: undefined },
  'reload(77)': { error: { error: 'PM2 ID unknown' }, result: undefined },
  'a second reload': { error: { error: 'Reload in progress' }, result: undefined },
}

exports.run = async ({ call, ok, record, recordCall, fixture, listen, startMarker, settle, eventually }) => {
  await ok('connect')
  for (const target of ['nobody', 'all', '/regex/', 77, '77']) await recordCall('reload', target)
  const cluster = { script: fixture('listens.js'), name: 'web', exec_mode: 'cluster', instances: 2 }
  await ok('start', cluster)
  await ok('start', { script: fixture('idle.js'), name: 'job' })
  await startMarker()
  const { bus, seen } = await listen('process:event', ({ event, manually, process }) =>
    process.name === 'marker' ? undefined : [event, manually, process.pm_id, process.status, process.restart_time],
  )
  let step = 0
  const reload = async (...args) => {
    step++
    const answers = (await ok('reload', ...args)).sort((one, other) => (String(one.pm_id) < String(other.pm_id) ? -1 : 1))
    record(
      `${step} answers`,
      answers.map(({ pm2_env, ...rest }) => ({ ...rest, keys: Object.keys(pm2_env).sort() })),
    )
    record(
      `${step} list`,
      (await ok('list'))
        .sort((one, other) => one.pm_id - other.pm_id)
        .map(({ name, pid, pm_id, pm2_env }) => [name, pid > 0, pm_id, pm2_env.status, pm2_env.restart_time]),
    )
    await settle(bus)
    record(`${step} events`, seen.splice(0))
  }
  await reload(0)
  await reload('web', { updateEnv: true })
  await reload('job')
  const first = call('reload', 'web')
  await eventually(async () => (await ok('list')).some(({ pm2_env }) => pm2_env.restart_time === 3), 'it has begun')
  const [error, result] = await call('reload', 'web')
  record('a second reload', { error, result })
  await first
  await ok('stop', 'web')
  await settle(bus)
  seen.splice(0)
  await reload('web')
}
