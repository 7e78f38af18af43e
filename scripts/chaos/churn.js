'use strict'

// node churn.js <home> <seed>: starts, restarts, reloads, stops and deletes short apps until told to end, while the
// daemon is killed. Tells how many calls there were, and every one that failed in a way it must not.

const path = require('node:path')
const { generator, pick } = require('./random')
const { sleep } = require('./wait')

/** Apps by what they are like; those of a group get their calls one after another, the groups at the same time. */
const GROUPS = [
  ['long-a', 'deaf-b'],
  ['brief-c', 'long-d', 'deaf-e'],
  ['cluster-f'],
]
/** What is done with an app that is there, by how often. */
const METHODS = ['start', 'restart', 'restart', 'stop', 'delete']
const CLUSTER_METHODS = ['reload', 'reload', 'reload', ...METHODS]
const [home, seed] = process.argv.slice(2)
const { custom: Session } = require('../..')
const session = new Session({ pm2_home: home, cwd: home })

const totals = { calls: 0, lost: 0, settling: [], refused: [] }
/** Names whose last call was lost: it may still be about to take effect. */
const unsure = new Set()
let ending = false

process.once('message', () => (ending = true))
process.once('disconnect', () => process.exit())

const isCluster = (name) => name.includes('cluster')

const program = (name) =>
  isCluster(name)
    ? { script: path.join(__dirname, 'apps', 'worker.js'), exec_mode: 'cluster', instances: 1, drain_timeout: 300 }
    : { script: path.join(__dirname, 'apps', 'short.sh'), interpreter: 'bash' }

const app = (name) => ({
  ...program(name),
  name,
  kill_timeout: 150,
  output: '/dev/null',
  error: '/dev/null',
  env: { CHAOS_HOME: home, CHAOS_LIFE: name.split('-')[1], CHAOS_PIDS: path.join(home, 'started') },
})

/** Makes a call; whether it succeeded. */
async function call(name, method, ...args) {
  totals.calls++
  try {
    await session[method](...args)
    unsure.delete(name)
    return true
  } catch (error) {
    if (error.code === 'RPM2_DAEMON_LOST') {
      totals.lost++
      unsure.add(name)
      return false
    }
    const text = `${method} ${name}: ${error.code}: ${error.message}`
    if (unsure.has(name)) {
      totals.settling.push(text)
      // What the lost call began may take as long as its connections and its end.
      await sleep(500)
    } else totals.refused.push(text)
    return false
  }
}

async function churn(names, random) {
  const there = new Set()
  while (!ending) {
    const name = pick(random, names)
    if (unsure.has(name)) {
      const listed = await session.list().catch(() => undefined)
      if (!listed) continue
      if (listed.some((process) => process.name === name)) there.add(name)
      else there.delete(name)
    }
    if (!there.has(name)) {
      if (await call(name, 'start', app(name))) there.add(name)
      continue
    }
    const method = pick(random, isCluster(name) ? CLUSTER_METHODS : METHODS)
    const isDone = await call(name, method, method === 'start' ? app(name) : name)
    if (isDone && method === 'delete') there.delete(name)
  }
}

async function main() {
  await Promise.all(
    GROUPS.map((group, at) => {
      const names = group.map((name) => `churn-${name}`)
      return churn(names, generator(Number(seed) + at))
    }),
  )
  process.send(totals)
  await session.disconnect()
  process.disconnect()
}

main()
