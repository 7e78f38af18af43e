exports.title = 'signals by id and by name'

exports.expected = { 'unknown id': [{ error: '99 id unknown' }, undefined] }

exports.run = async ({ call, ok, record, fixture }) => {
  await ok('start', [
    { script: fixture('signalled.js'), wait_ready: true, name: 'a' },
    { script: fixture('signalled.js'), wait_ready: true, name: 'b', exec_mode: 'cluster', instances: 2 },
  ])
  const bus = await ok('launchBus')
  const signal = async (label, count, method, ...args) => {
    let missing = count
    const got = new Promise((resolve) => bus.on('signalled', () => --missing === 0 && resolve()))
    record(
      label,
      (await ok(method, ...args)).map(({ name, pm_id }) => [name, pm_id]),
    )
    await got
    bus.off('signalled')
  }
  await signal('by id', 1, 'sendSignalToProcessId', 'SIGUSR2', 0)
  await signal('by name', 2, 'sendSignalToProcessName', 'SIGUSR2', 'b')
  record('unknown id', await call('sendSignalToProcessId', 'SIGUSR2', 99))
  record('unknown name', await call('sendSignalToProcessName', 'SIGUSR2', 'nobody'))
  record('unknown signal by id', await call('sendSignalToProcessId', 'SIGNONE', 0))
  record('unknown signal by name', await call('sendSignalToProcessName', 'SIGNONE', 'a'))
}
