'use strict'

const path = require('node:path')
const { freePort } = require('../../__test__/support/free-port')
const { get } = require('./load')
const { isAlive } = require('./place')
const { eventually } = require('./wait')

const script = (name) => path.join(__dirname, 'apps', name)

/** Names of the apps that live through every kill. */
const APPS = ['web', 'talker', 'writer', 'dated']

/** Starts them: `web` twice in a cluster, balanced in this way, the others in fork mode. */
async function startApps(session, place, balance) {
  const port = await freePort()
  const received = place.file('received')
  const env = { CHAOS_HOME: place.home, CHAOS_PORT: String(port), CHAOS_RECEIVED: received }
  const out = (name) => ({ output: place.file(`${name}.log`), error: place.file(`${name}.err`) })
  const both = place.file('both.log')
  const cluster = { exec_mode: 'cluster', instances: 2, load_balancing: balance }
  await session.start([
    { ...cluster, script: script('web.js'), name: 'web', env, ...out('web') },
    { script: script('talker.js'), name: 'talker', env, ...out('talker') },
    { script: script('writer.js'), name: 'writer', env, autorestart: false, ...out('writer') },
    { script: script('writer.js'), name: 'dated', env, autorestart: false, ...out('dated'), time: true, log: both },
  ])
  await eventually(() => get({ host: '127.0.0.1', port, agent: false }).catch(() => 0), 'an answer of web')
  const logs = [
    { file: place.file('writer.log'), isDated: false },
    { file: place.file('dated.log'), isDated: true },
    { file: both, isDated: true },
  ]
  return { port, logs, before: await look(session) }
}

/** What must stay the same of them, by number. */
async function look(session) {
  const ours = (await session.list()).filter(({ name }) => APPS.includes(name))
  const of = ({ pm_id, name, pid, pm2_env }) => {
    const { status, restart_time } = pm2_env
    return { pm_id, name, pid, status, restart_time }
  }
  return new Map(ours.map((process) => [process.pm_id, of(process)]))
}

/** How the apps differ from what they were. */
function compareApps(before, after) {
  const changes = { restarts: 0, pids: 0, gone: 0, offline: 0 }
  for (const [id, { pid }] of before) {
    const app = after.get(id)
    if (!app) {
      changes.gone++
      continue
    }
    changes.restarts += app.restart_time
    changes.pids += Number(app.pid !== pid || !isAlive(pid))
    changes.offline += Number(app.status !== 'online')
  }
  return changes
}

/** Every app still restarts, stops, starts and goes. Returns what does not work. */
async function exercise(session, port) {
  const faults = []
  const check = (holds, what) => holds || faults.push(what)
  const serves = () => get({ host: '127.0.0.1', port, agent: false }).catch(() => 0)
  const before = await look(session)
  for (const name of APPS) {
    const of = (apps) => [...apps.values()].filter((app) => app.name === name)
    const attempt = (verb) => session[verb](name).catch((error) => faults.push(`${verb} ${name}: ${error.message}`))
    if (session.reload && name === 'web') {
      await attempt('reload')
      check((await look(session)).get(0)?.status === 'online', 'reload web: online')
    }
    await attempt('restart')
    const restarted = of(await look(session))
    check(restarted.every((app) => app.status === 'online' && app.pid !== before.get(app.pm_id).pid), `restart ${name}`)
    check(of(before).every(({ pid }) => !isAlive(pid)), `restart ${name}: the old process ends`)
    if (name === 'web') await eventually(serves, 'web', 5000).catch(() => faults.push('web serves after a restart'))
    await attempt('stop')
    check(of(await look(session)).every(({ status, pid }) => status === 'stopped' && pid === 0), `stop ${name}`)
    check(restarted.every(({ pid }) => !isAlive(pid)), `stop ${name}: the process ends`)
    await attempt('restart')
    check(of(await look(session)).every(({ status }) => status === 'online'), `restart of stopped ${name}`)
    await attempt('delete')
    check(of(await look(session)).length === 0, `delete ${name}`)
  }
  return faults
}

module.exports = { compareApps, exercise, look, startApps }
