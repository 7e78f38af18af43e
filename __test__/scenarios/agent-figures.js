exports.title = 'figures, actions and options of an app that does nothing for them'

const http = {
  'HTTP Mean Latency': { historic: true, type: 'internal/http/builtin/latency/p50', unit: 'ms', value: 'number' },
  'HTTP P95 Latency': { historic: true, type: 'internal/http/builtin/latency/p95', unit: 'ms', value: 'number' },
}

// Both count requests a second; pm2 says that it were those of a minute.
const rate = (unit) => ({ historic: true, type: 'internal/http/builtin/reqs', unit, value: 'number' })

exports.expected = {
  'fork serves: HTTP': { ...http, HTTP: rate('req/min') },
  'fork idle: HTTP': {},
}

exports.better = {
  'fork serves: HTTP': { ...http, HTTP: rate('req/s') },
  'cluster serves: HTTP': { ...http, HTTP: rate('req/s') },
}

/** Names and what is the same in every run. */
function shapes(monitor) {
  const entries = Object.entries(monitor).map(([name, figure]) => [name, { ...figure, value: typeof figure.value }])
  const part = (wanted) => Object.fromEntries(entries.filter(([name]) => name.startsWith('HTTP') === wanted))
  return { http: part(true), rest: part(false) }
}

exports.run = async ({ ok, record, fixture, eventually }) => {
  const apps = { idle: 'idle.js', serves: 'serves-itself.js' }
  for (const exec_mode of ['fork', 'cluster']) {
    for (const [name, script] of Object.entries(apps)) {
      await ok('start', { script: fixture(script), name: `${exec_mode} ${name}`, exec_mode })
      const env = () => ok('describe', `${exec_mode} ${name}`).then(([{ pm2_env }]) => pm2_env)
      const count = name === 'serves' ? 10 : 7
      await eventually(async () => Object.keys((await env()).axm_monitor).length === count, `${count} figures`)
      const { axm_monitor, axm_actions, axm_options, axm_dynamic, node_version } = await env()
      const { http, rest } = shapes(axm_monitor)
      record(`${exec_mode} ${name}: HTTP`, http)
      record(`${exec_mode} ${name}: figures`, rest)
      record(`${exec_mode} ${name}: actions`, axm_actions)
      record(`${exec_mode} ${name}: the rest`, [Object.keys(axm_options).sort(), axm_dynamic, typeof node_version])
      await ok('stop', `${exec_mode} ${name}`)
      const left = await env()
      record(`${exec_mode} ${name}: left when it is stopped`, [left.axm_monitor, left.axm_actions])
    }
  }
  for (const off of [{ pmx: false }, { automation: false }]) {
    const [{ pm2_env }] = await ok('start', { script: fixture('idle.js'), name: 'without', ...off })
    const { pmx, automation, axm_monitor, axm_actions } = pm2_env
    record(`without: ${JSON.stringify(off)}`, { pmx, automation, axm_monitor, axm_actions })
    await ok('delete', 'without')
  }
}
