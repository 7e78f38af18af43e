'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const net = require('node:net')
const { freePort } = require('../../__test__/support/free-port')
const { app, pause } = require('./support')

/** Milliseconds after which nobody answers any more. */
const PATIENCE = 10_000

/** What the app says to a new connection: its process id; nothing if there is nobody. */
function ask(port) {
  return new Promise((resolve) => {
    let text = ''
    const socket = net.connect(port, '127.0.0.1').setEncoding('utf8')
    socket.on('data', (part) => (text += part)).on('error', () => {})
    socket.once('close', () => resolve(Number(text) || undefined))
  })
}

/** Asks again and again until another process than `before` answers; its process id. */
async function answerOfAnother(port, before) {
  const end = performance.now() + PATIENCE
  for (;;) {
    const pid = await ask(port)
    if (pid && pid !== before) return pid
    if (performance.now() > end) throw new Error(`no other process serves within ${PATIENCE} ms`)
    await pause(1)
  }
}

module.exports = {
  name: 'crash',
  rounds: 15,
  rows: [{ id: 'crash', title: 'crash to the replacement serving TCP', unit: 'ms' }],
  async manager({ manager }) {
    const port = await freePort()
    await manager.start({ script: app('serves.js'), name: 'serves', env: { PORT: port }, max_restarts: 10_000 })
    let pid = await answerOfAnother(port)
    return async () => {
      // So that the last start is over for everybody.
      await pause(300)
      const begun = performance.now()
      process.kill(pid, 'SIGKILL')
      pid = await answerOfAnother(port, pid)
      return { crash: performance.now() - begun }
    }
  },
  /** The start of the app alone. */
  async limit() {
    const port = await freePort()
    return async () => {
      await pause(300)
      const begun = performance.now()
      const child = spawn(process.execPath, [app('serves.js')], {
        stdio: 'ignore',
        env: { ...process.env, PORT: port },
      })
      await answerOfAnother(port)
      const crash = performance.now() - begun
      child.kill('SIGKILL')
      await once(child, 'exit')
      return { crash }
    }
  },
}
