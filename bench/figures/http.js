'use strict'

const { fork } = require('node:child_process')
const { once } = require('node:events')
const { freePort } = require('../../__test__/support/free-port')
const { app } = require('./support')
const { visitFor } = require('./visits')

const WORKERS = 2

/** Fails a row unless every request was answered, by both workers, with as many kept connections each. */
function checkVisits({ failures, answers, by, held }, check, id) {
  check(failures === 0, `${failures} requests failed`, id)
  check(by.size === WORKERS, `${by.size} processes answered, not ${WORKERS}`, id)
  check(
    Math.max(...held, 0) <= Math.min(...held, Infinity) + 2,
    `the workers held ${held.join(' and ')} connections`,
    id,
  )
  return answers
}

/** A figure of two workers under load: `kept` connections or not, `balance` how a manager deals them out. */
const web = ({ name, title, short, kept, policy, attributes = {}, contestants, cpu = true, refuse }) => ({
  name,
  contestants,
  rows: [
    { id: name, title: `HTTP, ${WORKERS} workers, ${title}`, unit: '/s', better: 'more' },
    ...(cpu ? [{ id: `${name}-cpu`, title: `... daemon's processor time for each, ${short}`, unit: 'us' }] : []),
  ],
  async manager({ manager, amount, check }) {
    const port = await freePort()
    await manager.call('connect')
    const bus = await manager.call('launchBus')
    let left = WORKERS
    const listens = new Promise((resolve) => bus.on('listens', () => --left === 0 && resolve()))
    const options = {
      script: app('web.js'),
      name: 'web',
      exec_mode: 'cluster',
      instances: WORKERS,
      env: { PORT: port },
    }
    const apps = await manager.start({ ...options, ...attributes }, WORKERS)
    refuse?.(apps)
    await listens
    return async () => {
      const { result, used } = await manager.metered(() => visitFor(amount(2000), port, { kept }))
      const answers = checkVisits(result, check, name)
      return { [name]: result.rate, ...(cpu ? { [`${name}-cpu`]: used / answers } : {}) }
    }
  },
  /** Node's own cluster, in a session of its own as a manager's is: the system shares processors out among sessions. */
  async limit({ amount, check }) {
    const port = await freePort()
    const env = { ...process.env, PORT: String(port), NODE_CLUSTER_SCHED_POLICY: policy }
    const primary = fork(app('primary.js'), { env, detached: true })
    await once(primary, 'message')
    return async () => {
      const visits = await visitFor(amount(2000), port, { kept })
      checkVisits(visits, check, name)
      return { [name]: visits.rate }
    }
  },
})

module.exports = [
  web({ name: 'http-kept', title: 'kept connections', kept: true, policy: 'rr', cpu: false }),
  web({ name: 'http-single', title: 'a connection each, round robin', short: 'round robin', policy: 'none' }),
  web({
    name: 'http-kernel',
    title: 'a connection each, kernel-balanced',
    short: 'kernel-balanced',
    policy: 'none',
    attributes: { load_balancing: 'kernel' },
    contestants: ['rpm2', 'limit'],
    refuse(apps) {
      if (apps.every(({ pm2_env }) => pm2_env.load_balancing === 'kernel')) return
      throw new Error('this build does not know `load_balancing: kernel`')
    },
  }),
]
