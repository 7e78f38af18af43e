exports.title = 'what an app sends comes to the bus as an event'
exports.events = ['process:msg', '<type>']

const messages = [
  { type: 'process:msg', data: { success: true, num: 0.5 } },
  { type: 'custom:topic', data: 'text', other: 'dropped' },
  { type: 'log:out', data: 'not a log' },
  { type: 'falsy', data: 0 },
  { type: '', data: 1 },
  { data: { only: 'data' } },
  { type: 'only type' },
  { any: 'thing' },
  'text',
  '',
  7,
  0,
  true,
  false,
  [1, 2],
  [],
  {},
  { type: 7, data: [1] },
  { type: 'with * star', data: 1 },
  { type: 'big', data: 'x'.repeat(200_000) },
]

exports.run = async ({ ok, record, fixture, listen, startMarker, settle }) => {
  await startMarker()
  const { bus, seen } = await listen('*', (event, packet) => {
    return packet.process?.name === 'app' && !/^(process:event|application:|axm:|human:)/.test(event)
      ? [event, packet]
      : undefined
  })
  for (const exec_mode of ['fork', 'cluster']) {
    await ok('start', { script: fixture('sends.js'), wait_ready: true, name: 'app', exec_mode, pmx: false })
    const [{ pm_id: id }] = await ok('describe', 'app')
    await settle(bus)
    for (const send of messages) {
      seen.length = 0
      const before = new Promise((resolve) =>
        bus.on('*', (event, packet) => packet.process?.pm_id === id && event !== 'process:event' && resolve()),
      )
      await ok('sendDataToProcessId', id, { topic: true, data: { send } })
      await before
      await settle(bus)
      record(`${exec_mode} ${JSON.stringify(send).slice(0, 60)}`, [...seen])
    }
    await ok('delete', 'app')
  }
}
