exports.title = 'ping, getVersion and killDaemon'

exports.expected = { ping: { msg: 'pong' }, killed: { success: true } }

exports.run = async ({ ok, record, fixture, home, eventually }) => {
  record('ping', await ok('ping'))
  record('version', (await ok('getVersion')).split('.').length)
  const [{ pid }] = await ok('start', fixture('idle.js'))
  record('killed', await ok('killDaemon'))
  const gone = () => {
    try {
      return !process.kill(pid, 0)
    } catch {
      return true
    }
  }
  await eventually(gone, 'the app ended with the daemon')
  record('a new daemon', await ok('list'))
}
