exports.title = 'patterns of the bus, off and close'

exports.run = async ({ ok, record, fixture, startMarker, settle }) => {
  await startMarker()
  await ok('start', { script: fixture('sends.js'), wait_ready: true, name: 'app' })
  const [{ pm_id: id }] = await ok('describe', 'app')
  const bus = await ok('launchBus')
  const seen = []
  const on = (pattern) =>
    bus.on(pattern, (...args) => args.at(-1).data?.mine && seen.push([String(pattern), ...args.slice(0, -1)]))
  for (const pattern of ['a:b:c', 'a:*', '*:c', 'a:*:c', '*', 'a:b', 'a*', 'a.b.c', 'a:b:c*', /^a:(\w):(\w)$/])
    on(pattern)
  let sent = 0
  const arrivals = await ok('launchBus')
  const send = async (type) => {
    seen.length = 0
    const arrived = new Promise((resolve) => arrivals.on(type, resolve))
    await ok('sendDataToProcessId', id, { topic: true, data: { send: { type, data: { mine: true } } } })
    await arrived
    await settle(bus)
    record(`${++sent} ${type}`, [...seen].sort())
  }
  await send('a:b:c')
  await send('a.b.c')
  await send('axbxc')
  bus.off('*')
  bus.off('a:b:c')
  await send('a:b:c')
  const closed = await ok('launchBus')
  let late = 0
  closed.on('*', () => late++)
  closed.close()
  await send('a:b:c')
  record('after close', late)
}
