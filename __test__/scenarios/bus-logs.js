exports.title = 'log:out and log:err carry what an app prints'
exports.events = ['log:out', 'log:err']

exports.run = async ({ ok, record, fixture, listen, eventually }) => {
  // Without a daemon the bus would wait for one.
  await ok('connect')
  const { seen } = await listen('log:*', (stream, packet) =>
    packet.process.name === 'app' ? [stream, packet] : undefined,
  )
  for (const exec_mode of ['fork', 'cluster']) {
    for (const options of [{}, { time: true }, { log_type: 'json' }]) {
      await ok('start', { script: fixture('prints.js'), wait_ready: true, name: 'app', exec_mode, ...options })
      seen.length = 0
      const [{ pm_id: id }] = await ok('describe', 'app')
      await ok('sendDataToProcessId', id, { topic: true, data: { text: 'žluť\u2028' } })
      await eventually(() => seen.length >= 2, 'both lines arrive')
      const undated = JSON.stringify([...seen].sort()).replace(/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, '<date>')
      record(`${exec_mode} ${JSON.stringify(options)}`, JSON.parse(undated))
      await ok('delete', 'app')
    }
  }
}
