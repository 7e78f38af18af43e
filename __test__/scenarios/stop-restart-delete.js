exports.title = 'stop, restart and delete'

exports.expected = {
  'stop("nobody")': { error: { error: 'process or namespace not found' }, result: undefined },
  'stop(77)': { error: { error: '77 : id unknown' }, result: undefined },
}

exports.run = async ({ call, ok, record, recordCall, fixture }) => {
  await ok('connect')
  for (const verb of ['stop', 'restart', 'delete']) {
    for (const target of ['nobody', 'all', '/regex/', 77, '77']) {
      const [error, result] = await call(verb, target)
      record(`${verb}(${JSON.stringify(target)})`, { error, result })
    }
  }
  const apps = ['a', 'b', 'c', 'd'].map((name) => ({
    script: fixture('idle.js'),
    name,
    namespace: name < 'c' ? 'first' : 'second',
  }))
  await ok('start', apps)
  let step = 0
  const act = async (verb, target) => {
    step++
    // pm2 answers in the order in which they were done.
    const changed = (await ok(verb, target)).sort((one, other) => one.pm_id - other.pm_id)
    record(
      `${step} ${verb} ${target}`,
      changed.map(({ pm2_env, ...rest }) => ({ ...rest, keys: Object.keys(pm2_env).sort() })),
    )
    record(
      `${step} after ${verb} ${target}`,
      (await ok('list')).map(({ name, pid, pm2_env }) => [name, pid > 0, pm2_env.status, pm2_env.restart_time]),
    )
  }
  await act('stop', 'a')
  await act('stop', 'a')
  await act('restart', 'a')
  await act('restart', 'a')
  await act('restart', 1)
  await act('restart', '2')
  await act('stop', 'second')
  await act('restart', '/^[cd]$/')
  await act('delete', 'd')
  await act('delete', 0)
  await act('restart', 'all')
  await act('delete', 'all')
  record(
    'ids begin at 0 again',
    (await ok('start', fixture('idle.js'))).map(({ pm2_env }) => pm2_env.pm_id),
  )
}
