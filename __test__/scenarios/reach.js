exports.title = 'standard input, actions, counters and numbers of processes'
exports.events = ['axm:reply']

const fs = require('node:fs')

exports.expected = {
  'sendLineToStdin(1, "x")': {
    error: { error: 'Cannot send line to processes in cluster mode' },
    result: undefined,
  },
  'trigger("nobody", "hello")': { error: { error: 'Unknown process' }, result: undefined },
  'trigger(0, "other")': { error: { error: "Action doesn't exist other for one" }, result: undefined },
}

exports.run = async ({ ok, call, record, recordCall, fixture, listen, eventually, pm2, engine }) => {
  // Without the agent of pm2, which announces actions of its own.
  const app = { script: fixture('acts.js'), pmx: false, wait_ready: true }
  await ok('start', { ...app, name: 'one' })
  await ok('start', { ...app, name: 'two', exec_mode: 'cluster', instances: 2 })
  const { seen } = await listen('stdin', ({ data, process }) => [data.text, process.pm_id])
  const announced = async () => (await ok('list')).every(({ pm2_env }) => pm2_env.axm_actions.length === 2)
  await eventually(announced, 'the actions are announced')

  await recordCall('sendLineToStdin', 0, 'x')
  await recordCall('sendLineToStdin', '0', 'y', '\r\n')
  await recordCall('sendLineToStdin', 1, 'x')
  await recordCall('sendLineToStdin', 99, 'x')
  await eventually(() => seen.map(([text]) => text).join('') === 'x\ny\r\n', 'the lines are heard')

  // pm2 may miss an answer that comes before its bus is open, and then waits for ever: it is asked again.
  const late = () => new Promise((resolve) => setTimeout(resolve, engine === 'pm2' ? 2000 : 20_000))
  const answered = async (args) => {
    for (let tries = 0; tries < (engine === 'pm2' ? 8 : 1); tries++) {
      const answer = await Promise.race([call('trigger', ...args), late()])
      if (answer) return answer
    }
    return ['no answer']
  }
  const trigger = async (...args) => {
    const [error, replies] = await answered(args)
    const sorted = replies?.sort((one, other) => one.process.pm_id - other.process.pm_id)
    record(`trigger(${args.map((arg) => JSON.stringify(arg)).join(', ')})`, error ? { error, result: replies } : sorted)
  }
  await trigger('one', 'hello')
  await trigger(0, 'hello', 'text')
  await trigger('0', 'hello', { a: 1 })
  await trigger('two', 'hello')
  await trigger('all', 'hello', 5)
  await trigger('nobody', 'hello')
  await trigger('two', 'other')
  await trigger(0, 'other')
  await trigger(99, 'hello')
  await recordCall('msgProcess', { id: 0, msg: 'hello' })
  await recordCall('msgProcess', { name: 'two', msg: 'hello', opts: {} })
  await recordCall('msgProcess', { name: 'two', msg: 'other' })
  await recordCall('msgProcess', { msg: 'other' })

  await ok('restart', 'one')
  for (const target of ['nobody', 'one', 'all', '1']) await recordCall('reset', target)
  record(
    'counters',
    (await ok('list')).map(({ pm2_env }) => pm2_env.restart_time),
  )
  for (const name of ['one', 'two', 'nobody']) {
    record(`getPID(${name})`, (await ok('getPID', name)).length)
    record(`getProcessIdByName(${name})`, await ok('getProcessIdByName', name))
  }
  record('getPID()', (await ok('getPID')).length)

  const [{ pm2_env: env }] = await ok('describe', 'one')
  fs.appendFileSync(env.pm_out_log_path, 'line\n')
  record('flush', (await ok('flush', 'two')).map(({ name }) => name))
  record('another one is left alone', fs.readFileSync(env.pm_out_log_path, 'utf8'))
  await ok('flush', 'one')
  record('flushed', fs.readFileSync(env.pm_out_log_path, 'utf8'))
  await recordCall('reloadLogs')

  const remote = (method, ...args) =>
    new Promise((resolve) => pm2.Client[method](...args, (error, ...results) => resolve([error, results[0], results[1]])))
  record('executeRemote', await remote('executeRemote', 'getVersion', {}))
  record('executeRemote of nothing', await remote('executeRemote', 'nothing', {}))
  record('getAllProcessId', await remote('getAllProcessId'))
  record('getAllProcessIdWithoutModules', await remote('getAllProcessIdWithoutModules'))
  const [, ids, details] = await remote('getProcessIdByName', 'two')
  record('getProcessIdByName', [ids, Object.keys(details)])
  record('getProcessIdsByNamespace', (await remote('getProcessIdsByNamespace', 'default'))[1])
  record('getProcessByName', (await remote('getProcessByName', 'two'))[1].length)
  record('getProcessByNameOrId', (await remote('getProcessByNameOrId', 'one'))[1].length)
}
