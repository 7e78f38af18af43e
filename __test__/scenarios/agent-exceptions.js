exports.title = 'exceptions and rejections are told on the bus, and stack traces lead to the sources'

exports.expected = {
  'fork exception: order': ['log:err', 'process:exception', 'exit'],
  'fork rejection: status': 'online',
  'fork handled: order': ['process:exception', 'handled'],
}

/** What is the same in every run and place: of the stack only where it begins. */
const brief = ({ stack, ...rest }) => ({ ...rest, stack: stack.split('\n').slice(0, 2) })

exports.run = async ({ ok, record, fixture, listen, eventually }) => {
  await ok('connect')
  const { seen } = await listen('*', (event, packet) => {
    if (packet.process?.name !== 'app' || /^(axm:|application:)/.test(event)) return undefined
    return event === 'process:event' ? [packet.event, packet.process] : [event, packet.data, packet.process]
  })
  const told = () => seen.find(([event]) => event === 'process:exception')
  const ended = () => seen.some(([event]) => event === 'exit')

  for (const exec_mode of ['fork', 'cluster']) {
    for (const WAY of ['exception', 'rejection', 'handled', 'text']) {
      // In a cluster pm2 tells a text letter by letter.
      if (exec_mode === 'cluster' && WAY === 'text') continue
      const app = { script: fixture('fails.js'), name: 'app', exec_mode, autorestart: false, wait_ready: true }
      const [{ pm2_env }] = await ok('start', { ...app, env: { WAY } })
      seen.length = 0
      await ok('sendDataToProcessId', pm2_env.pm_id, { topic: true, data: {} })
      await eventually(told, `${exec_mode} ${WAY}: process:exception`)
      const [, data, process] = told()
      if (WAY === 'text') record('fork text', [data.message, data.name, data.context, process])
      else record(`${exec_mode} ${WAY}`, [brief(data), process])
      if (WAY === 'exception') {
        await eventually(ended, `${exec_mode}: the end`)
        // Which of the two comes first is chance with pm2, which reads them on different ways; tests/daemon_agent.rs asks
        // it of ours.
        const events = [...new Set(seen.map(([event]) => event))]
        record(`${exec_mode} ${WAY}: order`, [...events.slice(0, 2).sort(), ...events.slice(2, 3)])
      }
      if (WAY === 'rejection') {
        const printed = () => seen.filter(([event]) => event === 'log:err').map((event) => event[1]).join('')
        await eventually(() => printed().includes('rejected'), `${exec_mode}: the rejection in the log`)
        record(`${exec_mode} ${WAY}: printed`, printed().split('\n    at ')[0])
        record(`${exec_mode} ${WAY}: status`, (await ok('describe', 'app'))[0].pm2_env.status)
      }
      if (WAY === 'handled') {
        await eventually(() => seen.some(([event]) => event === 'handled'), `${exec_mode}: the app's own handler`)
        const events = seen.map(([event]) => event).filter((event) => event !== 'log:err')
        record(`${exec_mode} ${WAY}: order`, events)
        record(`${exec_mode} ${WAY}: status`, (await ok('describe', 'app'))[0].pm2_env.status)
      }
      await ok('delete', 'app')
    }
  }

  for (const disable_source_map_support of [undefined, false, true]) {
    seen.length = 0
    await ok('start', { script: fixture('agent/mapped.js'), name: 'app', autorestart: false, disable_source_map_support })
    await eventually(() => seen.some(([event]) => event === 'stack'), 'a stack')
    const [, stack] = seen.find(([event]) => event === 'stack')
    record(`disable_source_map_support ${disable_source_map_support}`, stack.includes('original.ts'))
    await ok('delete', 'app')
  }
}
