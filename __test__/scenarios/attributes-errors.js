exports.title = 'attributes: a wrong type or value is refused, and the error names the attribute'

exports.onlyRefuses = true

// Every attribute, with a value of each type.
const NAMES = 'script name name_prefix filter_env namespace install_url cwd args exec_interpreter interpreter node_args'
const MORE = 'interpreter_args out_file error_file log_file disable_logs log_type log_date_format time env max_memory_restart'
const OTHERS = 'pid_file restart_delay exp_backoff_restart_delay source_map_support disable_source_map_support wait_ready'
const REST = 'instances kill_timeout shutdown_with_message listen_timeout cron_restart merge_logs vizion autostart autorestart'
const LAST = 'stop_exit_codes watch_delay watch ignore_watch watch_options min_uptime max_restarts exec_mode force append_env_to_name'
const END = 'post_update trace increment_var instance_var pmx automation treekill port uid gid windowsHide kill_retry_time io username'
const ATTRIBUTES = [NAMES, MORE, OTHERS, REST, LAST, END].join(' ').split(' ')
const VALUES = { text: 'sideways', number: 41.5, boolean: true, list: ['x'], map: { x: 1 }, negative: -5 }

const is = (kind) => ({ number: 'Number', negative: 'Number', boolean: 'Boolean', list: 'Array', map: 'Object', text: 'String' })[kind]
const expect = (attribute, types, kind) =>
  `Expect "${attribute}" to be a typeof ${types.map((type) => `[object ${type}]`).join(' / ')}, but now is [object ${is(kind)}]`
const better = (attribute, types, kinds) =>
  Object.fromEntries(kinds.map((kind) => [`${attribute}: ${kind}`, [expect(attribute, types, kind)]]))

// pm2 throws something of its own, does not answer, takes what it cannot use, or names the user instead of the group.
exports.better = {
  ...better('script', ['String'], ['number', 'boolean', 'map', 'negative']),
  ...better('exec_mode', ['String'], ['number', 'boolean', 'list', 'map', 'negative']),
  ...better('username', ['String'], ['number', 'boolean', 'list', 'map', 'negative']),
  ...better('env', ['Object', 'String'], ['text']),
  'trace: boolean': null,
}
for (const [attribute, name] of [['uid', 'User'], ['gid', 'Group']]) {
  Object.assign(exports.better, better(attribute, ['Number', 'String'], ['boolean', 'list', 'map']), {
    [`${attribute}: text`]: [`${name} sideways cannot be found`],
    [`${attribute}: number`]: [`${name} 41.5 cannot be found`],
    [`${attribute}: negative`]: [`${name} -5 cannot be found`],
  })
}

exports.run = async ({ call, record, fixture }) => {
  const text = (error) => (error ? [].concat(error).map(({ message }) => message) : null)
  for (const attribute of ATTRIBUTES) {
    for (const [kind, value] of Object.entries(VALUES)) {
      // Values that are right would start something; only what both refuse and take is compared, by an autostart that is off.
      const app = { script: fixture('idle.js'), name: 'x', autostart: false, [attribute]: value }
      const late = new Promise((resolve) => setTimeout(resolve, 1500, [new Error('no answer')]))
      const [error] = await Promise.race([call('start', app).catch((thrown) => [thrown]), late])
      record(`${attribute}: ${kind}`, text(error))
      await call('delete', 'all')
    }
  }
}
