exports.title = 'get, set, multiset, unset and conf'

const fs = require('node:fs')
const path = require('node:path')

exports.expected = { 'set("flat", "1")': { error: null, result: { success: true } } }

// Not played: calls without a key, of which pm2's client dies, and the error of a key that is not set, which has no
// text there. `get` also gives the value here: pm2 only prints it.
exports.run = async ({ call, ok, record, recordCall, fixture, home }) => {
  const file = path.join(home, 'module_conf.json')
  const saved = (label) => record(label, fs.readFileSync(file, 'utf8'))
  await ok('connect')
  await recordCall('set', 'flat', '1')
  await recordCall('set', 'number', 5)
  await recordCall('set', 'truth', true)
  await recordCall('set', 'app:key', 'value')
  await recordCall('set', 'app.other.deep', 'x')
  await recordCall('set', 'dots.with:colon', 'x')
  await recordCall('set', 'flat:inner', 'replaced')
  saved('set')
  for (const key of ['flat', 'number', 'app', 'app:key', 'app.other']) record(`get ${key}`, (await ok('get', key)).success)
  record('get of nothing', (await call('get', 'nobody'))[0] instanceof Error)
  await recordCall('multiset', 'x 1 m:y 2 z')
  record('conf of one', (await ok('conf', 'number')).success)
  await recordCall('conf', 'confed', 'yes')
  saved('multiset')
  for (const key of ['x', 'app:key', 'flat', 'dots']) await recordCall('unset', key)
  saved('unset')

  await ok('set', 'app:key', 'first')
  await ok('start', { script: fixture('idle.js'), name: 'app' })
  const seen = async (label) => {
    const [{ pm2_env }] = await ok('describe', 'app')
    const { env } = pm2_env
    record(label, [pm2_env.restart_time, pm2_env.key, pm2_env.app, env.key, env.app])
  }
  await seen('started with its settings')
  await ok('set', 'app:key', 'second')
  await seen('restarted with its settings')
  await ok('unset', 'app:key')
  await seen('unset restarts nothing')
}
