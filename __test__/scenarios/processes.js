exports.title = 'list and describe tell the same of a process'

exports.run = async ({ ok, record, fixture, eventually }) => {
  await ok('start', {
    script: fixture('idle.js'),
    name: 'app',
    args: 'a b',
    env: { ROLE: 'x', NUMBER: 7, OBJECT: { a: 1 } },
  })
  const [app] = await eventually(async () => {
    const list = await ok('list')
    return list[0].monit.memory > 0 && list
  }, 'memory is measured')
  const { env, ...pm2_env } = app.pm2_env
  record('members', Object.keys(app).sort())
  record('process', [app.name, app.pm_id, app.pid > 0, typeof app.monit.cpu, typeof app.monit.memory])
  const flat = [
    'name',
    'namespace',
    'status',
    'exec_mode',
    'exec_interpreter',
    'instances',
    'args',
    'node_args',
    'autorestart',
    'autostart',
  ]
  flat.push(
    'pm_exec_path',
    'pm_cwd',
    'pm_out_log_path',
    'pm_err_log_path',
    'pm_pid_path',
    'restart_time',
    'unstable_restarts',
    'merge_logs',
  )
  flat.push(
    'vizion',
    'pmx',
    'automation',
    'treekill',
    'username',
    'windowsHide',
    'kill_retry_time',
    'instance_var',
    'NODE_APP_INSTANCE',
  )
  flat.push(
    'axm_actions',
    'axm_monitor',
    'axm_dynamic',
    'vizion_running',
    'km_link',
    'version',
    'watch',
    'max_restarts',
    'ROLE',
    'NUMBER',
    'OBJECT',
  )
  for (const name of flat) record(`pm2_env.${name}`, pm2_env[name])
  for (const name of ['ROLE', 'NUMBER', 'OBJECT', 'PM2_HOME', 'app', 'PATH']) record(`env.${name}`, env[name])
  record('times', [typeof pm2_env.pm_uptime, typeof pm2_env.created_at, typeof pm2_env.unique_id])
  record(
    'describe by name',
    (await ok('describe', 'app')).map((one) => [one.name, one.pm_id, one.pm2_env.status]),
  )
  record('describe by id', (await ok('describe', 0)).length)
  record('describe the unknown', [await ok('describe', 'nobody'), await ok('describe', 99)])
}
