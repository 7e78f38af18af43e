'use strict'

const { fork } = require('node:child_process')
const net = require('node:net')
const path = require('node:path')
const { once } = require('node:events')
const { quantile } = require('../harness/statistics')
const { app, idleApps, timed } = require('./support')

const APPS = 10

const summary = (times) => ({ 'list-p50': quantile(times, 0.5), 'list-p99': quantile(times, 0.99) })

async function several(count, work) {
  const times = []
  for (let turn = 0; turn < count; turn++) times.push(await timed(work))
  return times
}

module.exports = {
  name: 'list',
  rows: [
    { id: 'list-p50', title: `\`list\` of the module, ${APPS} apps, p50`, unit: 'ms' },
    { id: 'list-p99', title: `\`list\` of the module, ${APPS} apps, p99`, unit: 'ms' },
  ],
  async manager({ manager, amount, check }) {
    await manager.start(idleApps(APPS), APPS)
    return async () => {
      const times = await several(amount(300), async () => {
        const { length } = await manager.call('list')
        check(length === APPS, `${length} apps are listed, not ${APPS}`)
      })
      return summary(times)
    }
  },
  /** One round trip on a socket, to a Node that answers with as many bytes as it is sent. */
  async limit({ home, amount }) {
    const file = path.join(home, 'echo.sock')
    await once(fork(app('socket.js'), [file]), 'message')
    const socket = net.connect(file)
    await once(socket, 'connect')
    return async () => {
      const exchange = async () => {
        socket.write('list')
        await once(socket, 'data')
      }
      return summary(await several(amount(300), exchange))
    }
  },
}
