exports.title = 'the end of a daemon on the bus, and the second names of functions'
exports.events = ['pm2:kill', 'log:PM2']

exports.run = async ({ call, ok, record, fixture, listen, eventually }) => {
  await ok('connect')
  record('close', (await call('close'))[0])
  await ok('connect')
  await ok('start', { script: fixture('idle.js'), name: 'app' })
  const { seen } = await listen('*', (event, packet) => {
    if (event === 'pm2:kill') return [event, packet]
    if (event === 'log:PM2') return [event, packet.process, typeof packet.data, typeof packet.at]
    return undefined
  })
  await ok('restart', 'app')
  await eventually(() => seen.some(([event]) => event === 'log:PM2'), 'a line of the daemon')
  record('log:PM2', seen.find(([event]) => event === 'log:PM2'))
  record('kill', (await call('kill'))[1])
  await eventually(() => seen.some(([event]) => event === 'pm2:kill'), 'the end is told')
  record('pm2:kill', seen.find(([event]) => event === 'pm2:kill'))
  // A daemon for whoever comes after.
  await ok('list')
}
