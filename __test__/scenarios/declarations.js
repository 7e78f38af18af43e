exports.title = 'files that declare apps: formats, top levels, environments and choices'

// pm2 does not find what a module exports by default.
exports.better = {
  'config.mjs': { error: null, list: [['mjs', 'online', 'fork_mode', undefined, undefined]] },
}

exports.run = async ({ call, ok, record, fixture, home }) => {
  const fs = require('node:fs')
  const path = require('node:path')
  const script = fixture('idle.js')
  const folder = path.join(home, 'files')
  fs.mkdirSync(folder)
  const app = (name) => ({ name, script })
  const write = (name, text) => {
    fs.writeFileSync(path.join(folder, name), text)
    return path.join(folder, name)
  }
  const listed = async () => (await ok('list')).map(({ name, pm2_env }) => [name, pm2_env.status, pm2_env.exec_mode, pm2_env.ROLE, pm2_env.LEVEL]).sort()
  const start = async (label, file, options = {}) => {
    const [error] = await call('start', file, options)
    record(label, { error: error && [].concat(error).map(({ message }) => message.split('\n')[0]), list: await listed() })
    await call('delete', 'all')
  }
  const js = (text) => `module.exports = ${text}`
  await start('config.js', write('a.config.js', js(JSON.stringify({ apps: [app('a'), app('b')] }))))
  await start('config.cjs', write('a.config.cjs', js(JSON.stringify({ apps: [app('cjs')] }))))
  await start('config.mjs', write('a.config.mjs', `export default ${JSON.stringify({ apps: [app('mjs')] })}`))
  await start('one app', write('one.config.js', js(JSON.stringify(app('one')))))
  await start('array', write('array.config.js', js(JSON.stringify([app('x'), app('y')]))))
  await start('apps is an app', write('single.config.js', js(JSON.stringify({ apps: app('alone') }))))
  await start('pm2', write('pm2.json', JSON.stringify({ pm2: [app('below-pm2')] })))
  await start('json', write('plain.json', JSON.stringify({ apps: [app('json')] })))
  await start('json with comments', write('commented.json', `{ // why\n"apps": [{ "name": "commented", /* what */ "script": ${JSON.stringify(script)} }] }`))
  await start('yaml', write('apps.yml', `apps:\n  - name: yaml\n    script: ${script}\n    env:\n      ROLE: worker\n      LEVEL: 3\n`))
  await start('yaml of an array', write('list.yaml', `- name: first\n  script: ${script}\n- name: second\n  script: ${script}\n`))
  const staged = { name: 'staged', script, env: { ROLE: 'plain', LEVEL: '1' }, env_prod: { ROLE: 'prod' } }
  const stage = write('stage.config.js', js(JSON.stringify({ apps: [staged, app('other'), app('third')] })))
  await start('env', stage, { env: 'prod' })
  await start('only', stage, { only: 'other,third' })
  await start('only unknown', stage, { only: 'nobody' })
  await start('named function', write('fn.config.js', `const name = ['made', 'up'].join('-')\n${js(`{ apps: [{ name, script: ${JSON.stringify(script)} }] }`)}`))
  await start('relative script', write('rel.config.js', js(JSON.stringify({ apps: [{ name: 'rel', script: './here.js' }] }))))
  write('here.js', 'setInterval(() => {}, 1000)')
  await start('relative script with a folder', write('rel2.config.js', js(JSON.stringify({ apps: [{ name: 'rel', script: './here.js', cwd: folder }] }))))
  await start('missing file', path.join(folder, 'missing.config.js'))
  await start('no apps', write('empty.config.js', js('{}')))
  await start('cluster', write('cluster.config.js', js(JSON.stringify({ apps: [{ ...app('c'), instances: 2 }, { ...app('f'), instances: 1, exec_mode: 'fork' }] }))))
}
