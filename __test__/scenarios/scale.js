exports.title = 'scale'

exports.expected = {
  'scale("nobody", 2)': { error: { error: 'App not found' }, result: undefined },
  'up to 4': [{ success: true }, [0, 1, 4, 5]],
  'down to 1': [{ success: true }, [5]],
}

// Not played: "-n" and numbers that are none, of which pm2's client dies or does not come back.
exports.run = async ({ ok, record, recordCall, fixture, listen, startMarker, settle }) => {
  await ok('start', { script: fixture('idle.js'), name: 'a', exec_mode: 'cluster', instances: 2 })
  await startMarker()
  await ok('start', { script: fixture('idle.js'), name: 'b' })
  const { bus, seen } = await listen('process:event', ({ event, process, manually }) => [
    event,
    process.pm_id,
    process.status,
    manually,
  ])
  const named = async (name) => (await ok('list')).filter((process) => process.name === name)
  const scale = async (label, name, number) => {
    const result = await ok('scale', name, number)
    record(label, [result, (await named(name)).map(({ pm_id }) => pm_id)])
    await settle(bus)
    record(`${label}: events`, seen.splice(0))
  }
  await recordCall('scale', 'nobody', 2)
  await recordCall('scale', 'a', 2)
  await ok('delete', 'b')
  await scale('up to 4', 'a', 4)
  await scale('down to 1', 'a', 1)
  await scale('as text', 'a', '2')
  await scale('one more', 'a', '+1')
  record(
    'instances',
    (await named('a')).map(({ pm2_env }) => [pm2_env.NODE_APP_INSTANCE, pm2_env.instances, pm2_env.restart_time]),
  )
  await ok('stop', 'a')
  await settle(bus)
  seen.length = 0
  await scale('of what is stopped', 'a', 4)
  record(
    'statuses',
    (await named('a')).map(({ pm2_env }) => pm2_env.status),
  )
  await scale('to nothing', 'a', 0)
}
