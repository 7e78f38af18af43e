exports.title = 'start takes a string, an object, an array and a file'

exports.run = async ({ call, ok, record, fixture }) => {
  // pm2 answers in the order in which they were done.
  const brief = (apps) => apps.map((app) => [app.name ?? app.pm2_env.name, app.pm2_env.status, app.restart_time]).sort()
  const recordStart = async (label, ...args) => record(label, brief(await ok('start', ...args)))
  await recordStart('string', fixture('idle.js'))
  record('duplicate', await call('start', fixture('idle.js')))
  await recordStart('object of the same name restarts', { script: fixture('idle.js') })
  await recordStart('name restarts', 'idle')
  await recordStart('string and options', fixture('idle.js'), { name: 'named' })
  await recordStart('object', { script: fixture('idle.js'), name: 'object', args: ['a', 'b'] })
  await recordStart('relative', './echo.js')
  await recordStart('array', [
    { script: fixture('idle.js'), name: 'a' },
    { script: fixture('idle.js'), name: 'b' },
  ])
  await recordStart('apps', { apps: [{ script: fixture('idle.js'), name: 'c' }] })
  await recordStart('file', 'pair.config.js')
  await recordStart('json', fixture('single.json'))
  await recordStart('empty array', [])
  record(
    'list',
    (await ok('list')).map(({ name, pm_id, pm2_env }) => [
      name,
      pm_id,
      pm2_env.exec_mode,
      pm2_env.NODE_APP_INSTANCE,
      pm2_env.ROLE,
    ]),
  )
}
