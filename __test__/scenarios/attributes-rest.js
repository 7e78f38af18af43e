exports.title = 'attributes: owners, pid files, trees, and those that only show'

exports.run = async ({ call, ok, record, fixture, eventually, home }) => {
  const fs = require('node:fs')
  const path = require('node:path')
  const of = async (name) => (await ok('list')).find((process) => process.name === name)
  // One that has ended and that nobody has reaped yet is not alive.
  const isAlive = (pid) => fs.existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))

  const file = path.join(home, 'of-mine', 'own.pid')
  fs.mkdirSync(path.dirname(file))
  await ok('start', { script: fixture('idle.js'), name: 'mine', pid_file: file })
  const { pid, pm2_env } = await of('mine')
  record('pid_file', [pm2_env.pm_pid_path, fs.readdirSync(path.dirname(file))])
  await eventually(() => fs.readFileSync(path.join(path.dirname(file), fs.readdirSync(path.dirname(file))[0]), 'utf8') === String(pid), 'the pid is in its file')
  await ok('delete', 'mine')
  record('pid_file after delete', fs.readdirSync(path.dirname(file)))

  // The app has a child that outlives it, unless the whole tree is stopped.
  for (const treekill of [true, false]) {
    const note = path.join(home, `child-${treekill}`)
    const script = `sleep 60 & echo $! > ${note}; wait`
    await ok('start', { script: '/bin/bash', args: ['-c', script], interpreter: 'none', name: `tree-${treekill}`, treekill, kill_retry_time: 50 })
    const child = await eventually(() => fs.existsSync(note) && Number(fs.readFileSync(note, 'utf8')), 'the child')
    await ok('stop', `tree-${treekill}`)
    record(`treekill ${treekill}`, isAlive(child))
    if (isAlive(child)) process.kill(child, 'SIGKILL')
  }

  // Only root may start apps as others.
  if (process.getuid() === 0) {
    fs.chmodSync(home, 0o755)
    for (const [label, owner] of Object.entries({ name: { uid: 'nobody' }, number: { uid: 65534 }, both: { uid: 'nobody', gid: 1 } })) {
      const out = path.join(home, `of-${label}.log`)
      const app = { script: '/bin/sh', args: ['-c', 'id -u; id -g; echo $HOME; sleep 60'], interpreter: 'none', name: label, cwd: '/' }
      await ok('start', { ...app, ...owner, out_file: out })
      const text = await eventually(() => fs.existsSync(out) && fs.readFileSync(out, 'utf8').split('\n').length > 3 && fs.readFileSync(out, 'utf8'), label)
      record(`owner by ${label}`, text)
    }
  }

  const shown = { vizion: false, source_map_support: true, post_update: ['ls'], io: { x: 1 }, windowsHide: false }
  Object.assign(shown, { install_url: 'http://here', trace: false, disable_source_map_support: true, username: 'someone' })
  await ok('start', { script: fixture('idle.js'), name: 'shows', ...shown })
  const { pm2_env: env } = await of('shows')
  for (const name of Object.keys(shown)) if (name !== 'username') record(`shown ${name}`, env[name])

  record('again', (await call('start', fixture('idle.js'), { name: 'shows' }))[0]?.message)
  await ok('start', fixture('idle.js'), { name: 'shows', force: true })
  record('forced', (await ok('list')).filter(({ name }) => name === 'shows').length)
}
