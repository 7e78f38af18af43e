exports.title = 'restart, stop and delete what a file or an object declares'

exports.expected = {
  'delete again': { error: null, result: [] },
}

const fs = require('node:fs')
const path = require('node:path')

exports.run = async ({ call, ok, record, fixture, home, listen, startMarker, settle }) => {
  const file = path.join(home, 'apps.json')
  const app = (name, more) => ({ script: fixture('idle.js'), name, ...more })
  const apps = [app('x', { env: { A: '1' }, env_prod: { A: '2' } }), app('y', { env: { A: '1' }, env_prod: {} })]
  fs.writeFileSync(file, JSON.stringify({ apps }))
  await startMarker()
  const { bus, seen } = await listen('process:event', ({ event, process, manually }) =>
    process.name === 'x' ? [event, process.status, manually] : undefined,
  )
  const act = async (label, verb, ...args) => {
    const [error, result] = await call(verb, ...args)
    // pm2 answers in the order in which they were done.
    const sorted = result?.sort((one, other) => one.pm2_env.pm_id - other.pm2_env.pm_id)
    // The members of new children are those of Node's, in pm2.
    const members = (one) => (one.process ? 'child' : Object.keys(one).sort())
    const shown = sorted?.map((one) => [one.pm2_env.pm_id, one.pm2_env.status, one.pm2_env.env.A, members(one)])
    record(label, { error, result: shown })
    const listed = (await ok('list')).filter(({ name }) => name !== 'marker')
    record(
      `${label}: list`,
      listed.map(({ name, pm2_env }) => [name, pm2_env.status, pm2_env.restart_time, pm2_env.env.A]),
    )
    await settle(bus)
    record(`${label}: events`, seen.splice(0))
  }
  // One at a time, so that ids are the same.
  await act('start x by restart', 'restart', file, { only: 'x' })
  await act('start y by restart', 'restart', file, { only: 'y' })
  await act('restart', 'restart', file)
  await act('with an environment', 'restart', file, { env: 'prod' })
  await act('stop', 'stop', file)
  await act('stop again', 'stop', file)
  await act('restart of stopped ones', 'restart', file)
  await act('an object', 'restart', { apps: [app('x', { env: { A: '3' } })] })
  await act('an array', 'restart', [app('x')])
  await act('one app', 'restart', app('x', { env: { A: '4' } }))
  await act('none of these', 'restart', file, { only: 'nobody' })
  await act('delete', 'delete', file)
  await act('delete again', 'delete', file)
  await act('stop what is not there', 'stop', file)
}
