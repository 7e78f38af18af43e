'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { isAlive } = require('../contestant/place')
const { app, idleApps, settled, sleepers, timed } = require('./support')

const APPS = 10

async function end(children) {
  const ends = children.map((child) => once(child, 'exit'))
  for (const child of children) child.kill('SIGINT')
  await Promise.all(ends)
}

const rowsFor = (prefix, what) =>
  ['start', 'restart', 'delete'].map((verb) => ({
    id: prefix + verb,
    title: `${verb} of ${APPS} ${what} by the module`,
    unit: 'ms',
  }))

/** The module's calls with apps of one kind; `program` starts one of them without a manager. */
const withApps = ({ name, what, apps, program }) => {
  const prefix = name === 'batch' ? '' : `${name.replace('batch-', '')}-`
  const results = (times) => Object.fromEntries(Object.entries(times).map(([verb, time]) => [prefix + verb, time]))
  return {
    name,
    rounds: 9,
    rows: rowsFor(prefix, what),
    async manager({ manager, check }) {
      await manager.call('connect')
      const pids = async () => (await manager.call('list')).map(({ pid }) => pid)
      return async () => {
        const start = await timed(() => manager.start(apps, APPS))
        const first = await pids()
        await settled(first)
        const restart = await timed(() => manager.call('restart', 'all'))
        const second = await pids()
        check(
          second.length === APPS && second.every(isAlive),
          'not every app runs after the restart',
          `${prefix}restart`,
        )
        check(
          !first.some((pid) => isAlive(pid) || second.includes(pid)),
          'an app was not restarted',
          `${prefix}restart`,
        )
        await settled(second)
        const remove = await timed(() => manager.call('delete', 'all'))
        check((await pids()).length === 0 && !second.some(isAlive), 'not every app has ended', `${prefix}delete`)
        return results({ start, restart, delete: remove })
      }
    },
    async limit() {
      const launch = async () => {
        const children = Array.from({ length: APPS }, () => spawn(...program, { stdio: 'ignore' }))
        await Promise.all(children.map((child) => once(child, 'spawn')))
        return children
      }
      return async () => {
        let children
        const start = await timed(async () => (children = await launch()))
        await settled(children.map(({ pid }) => pid))
        const restart = await timed(async () => {
          await end(children)
          children = await launch()
        })
        await settled(children.map(({ pid }) => pid))
        return results({ start, restart, delete: await timed(() => end(children)) })
      }
    },
  }
}

module.exports = [
  // Programs that are next to nothing: what is left is the manager's work.
  withApps({ name: 'batch', what: 'apps', apps: sleepers(APPS), program: ['/bin/sleep', ['100000']] }),
  // Most of this is the start of ten Nodes, which nobody can spare.
  withApps({
    name: 'batch-node',
    what: 'Node apps',
    apps: idleApps(APPS),
    program: [process.execPath, [app('idle.js')]],
  }),
]
