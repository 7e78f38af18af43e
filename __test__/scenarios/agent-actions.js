exports.title = "the agent's actions, and figures and actions of an app's own by tx2 and by pm2's library"

const dump = ['edges', 'locations', 'nodes', 'samples', 'snapshot', 'strings', 'trace_function_infos', 'trace_tree']

exports.expected = {
  'fork km:heapdump': { success: true },
  'fork profilings of km:heapdump': [{ data: dump, duration: 'number', initiated: 'manual', type: 'heapdump' }],
  'custom-tx2 with parameter {"a":[1]}': { parameter: { a: [1] } },
}

/** Values that differ from run to run by their type; the members of a profile. */
function brief({ at, data, duration, uuid, ...rest }) {
  const known = uuid ? { uuid: typeof uuid } : {}
  return { ...rest, ...known, duration: typeof duration, data: Object.keys(JSON.parse(data)).sort() }
}

exports.run = async ({ ok, call, record, fixture, listen, eventually }) => {
  await ok('connect')
  const { seen } = await listen('*', (event, packet) =>
    /^(axm:reply|profilings|human:event|process:exception)$/.test(event) ? [event, packet.data] : undefined,
  )
  const of = (wanted) => seen.filter(([event]) => event === wanted).map(([, data]) => data)
  let id

  /** Has an action done, and notes its reply. */
  async function act(title, msg, opts) {
    seen.length = 0
    const [error, result] = await call('msgProcess', opts === undefined ? { id, msg } : { id, msg, opts })
    if (error) return record(`${title} ${msg}`, { error, result })
    const [{ action_name, return: value }] = await eventually(() => of('axm:reply').length > 0 && of('axm:reply'), msg)
    const parameter = opts === undefined ? '' : ` ${JSON.stringify(opts)}`
    record(`${title} ${msg}${parameter}`, value?.uuid ? { ...value, uuid: typeof value.uuid } : value)
    record(`${title} ${msg}${parameter}: name and result`, [action_name, result])
  }

  async function profile(title, msg) {
    await eventually(() => of('profilings').length > 0, `${msg}: profilings`)
    record(`${title} profilings of ${msg}`, of('profilings').map(brief))
  }

  for (const exec_mode of ['fork', 'cluster']) {
    const [{ pm2_env }] = await ok('start', { script: fixture('idle.js'), name: exec_mode, exec_mode })
    id = pm2_env.pm_id
    const env = () => ok('describe', exec_mode).then(([process]) => process.pm2_env)
    await eventually(async () => (await env()).axm_actions.length === 5, 'the actions')
    await act(exec_mode, 'km:heapdump')
    await profile(exec_mode, 'km:heapdump')
    for (const kind of ['cpu:profiling', 'heap:sampling']) {
      await act(exec_mode, `km:${kind}:stop`)
      await act(exec_mode, `km:${kind}:start`)
      await act(exec_mode, `km:${kind}:start`)
      await act(exec_mode, `km:${kind}:stop`)
      await profile(exec_mode, `km:${kind}:stop`)
      await act(exec_mode, `km:${kind}:start`, { timeout: 50, initiated: 'somebody' })
      await profile(exec_mode, `km:${kind}:start`)
    }
    await act(exec_mode, 'no such action')
  }

  for (const name of ['custom-tx2', 'custom-io']) {
    const [{ pm2_env }] = await ok('start', { script: fixture(`${name}.js`), name })
    id = pm2_env.pm_id
    const env = () => ok('describe', name).then(([process]) => process.pm2_env)
    await eventually(async () => (await env()).axm_monitor.counted?.value > 0, 'its own figures')
    const { axm_actions, axm_monitor } = await env()
    const own = Object.entries(axm_monitor).filter(([, { type }]) => !/^internal/.test(type ?? ''))
    record(`${name} figures`, Object.fromEntries(own))
    record(`${name} actions`, axm_actions.map(({ action_name }) => action_name).sort())
    await act(name, 'plain')
    await act(name, 'with parameter', 'text')
    await act(name, 'with parameter', { a: [1] })
    await act(name, 'says')
    await eventually(() => of('process:exception').length > 0, 'an issue')
    record(`${name}: what it says`, [of('human:event'), of('process:exception').map(({ message }) => message)])
    record(`${name}: all of that name`, (await call('msgProcess', { name, msg: 'plain' }))[1])
  }
}
