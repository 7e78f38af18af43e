'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { sleepers, timed } = require('./support')

const APPS = 100

module.exports = {
  name: 'start',
  rounds: 3,
  rows: [{ id: 'start-100', title: `start of ${APPS} apps by the command`, unit: 'ms' }],
  async manager({ manager, home, check }) {
    const file = path.join(home, 'apps.json')
    await manager.call('connect')
    fs.writeFileSync(file, JSON.stringify({ apps: sleepers(APPS) }))
    return async () => {
      const time = await timed(() => manager.command('start', file))
      const list = await manager.call('list')
      const online = list.filter(({ pm2_env }) => pm2_env.status === 'online').length
      check(online === APPS, `${online} apps are online, not ${APPS}`)
      await manager.call('killDaemon')
      await manager.call('connect')
      return { 'start-100': time }
    }
  },
  async limit() {
    return async () => {
      const children = []
      const time = await timed(async () => {
        for (let count = 0; count < APPS; count++) children.push(spawn('/bin/sleep', ['100000'], { stdio: 'ignore' }))
        await Promise.all(children.map((child) => once(child, 'spawn')))
      })
      for (const child of children) child.kill('SIGKILL')
      return { 'start-100': time }
    }
  },
}
