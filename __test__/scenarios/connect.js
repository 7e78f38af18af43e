exports.title = 'connect, disconnect and what they answer'

exports.expected = {
  'disconnect first': [{ error: 'SUB connection to PM2 is not launched' }, undefined],
  'disconnect twice': [{ error: 'RPC already being closed' }, undefined],
}

exports.run = async ({ call, ok, record, pm2 }) => {
  record('disconnect first', await call('disconnect'))
  const first = await ok('connect')
  record('home', [first.pm2_home, first.rpc_socket_file, first.pub_socket_file])
  record('new', first.new_pm2_instance)
  record('again', (await ok('connect')).new_pm2_instance)
  record('disconnect', await call('disconnect'))
  record('disconnect twice', await call('disconnect'))
  record('a later call connects again', await ok('list'))
  record('custom', typeof pm2.custom)
}
