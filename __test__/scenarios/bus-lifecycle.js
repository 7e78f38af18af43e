exports.title = 'process:event tells every step of start, restart, stop, crash and delete, in order'
exports.events = ['process:event']

exports.run = async ({ ok, record, fixture, listen, startMarker, settle, eventually }) => {
  await startMarker()
  for (const exec_mode of ['fork', 'cluster']) {
    const { bus, seen } = await listen('process:event', ({ event, manually, process }) => {
      return process.name === 'app' ? [event, Boolean(manually), process.status, process.restart_time] : undefined
    })
    const act = async (label, verb, ...args) => {
      seen.length = 0
      await ok(verb, ...args)
      await settle(bus)
      record(`${exec_mode} ${label}`, [...seen])
    }
    await act('start', 'start', { script: fixture('idle.js'), name: 'app', exec_mode })
    await act('restart', 'restart', 'app')
    await act('start of an existing app', 'start', { script: fixture('idle.js'), name: 'app' })
    await act('stop', 'stop', 'app')
    await act('stop of a stopped app', 'stop', 'app')
    await act('restart of a stopped app', 'restart', 'app')
    await act('delete', 'delete', 'app')
    seen.length = 0
    await ok('start', { script: fixture('crashes.js'), name: 'app', exec_mode, max_restarts: 3 })
    await eventually(async () => (await ok('describe', 'app'))[0].pm2_env.status === 'errored', 'the app is given up')
    await settle(bus)
    record(`${exec_mode} crash: last`, seen.slice(-2))
    record(`${exec_mode} crash: exits`, seen.filter(([event]) => event === 'exit').length)
    await ok('delete', 'app')
    bus.close()
  }
}
