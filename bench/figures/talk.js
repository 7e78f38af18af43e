'use strict'

const { fork } = require('node:child_process')
const { app } = require('./support')

/** A talking app of a manager: what it says is heard on the bus. */
async function managed({ manager, check }, mode) {
  await manager.call('connect')
  const bus = await manager.call('launchBus')
  const listens = new Promise((resolve) => bus.on('listens', resolve))
  const cluster = mode === 'cluster' ? { instances: 1 } : {}
  const [{ pm2_env }] = await manager.start({ script: app('talks.js'), name: 'talks', exec_mode: mode, ...cluster })
  await listens
  // pm2 has its own way with modes: that it is the one asked for is looked at.
  check(pm2_env.exec_mode === `${mode}_mode`, `the app runs in ${pm2_env.exec_mode}, not in ${mode} mode`)
  const packet = (topic, data) => ({ id: pm2_env.pm_id, type: 'process:msg', topic, data })
  return {
    send: (topic, data) => manager.call('sendDataToProcessId', packet(topic, data)),
    hear: (type, listener) => bus.on(type, ({ data }) => listener(data)),
  }
}

/** The same app as a child of this program. */
async function direct() {
  const child = fork(app('talks.js'))
  const listeners = {}
  const listens = new Promise((resolve) => (listeners.listens = resolve))
  child.on('message', ({ type, data }) => listeners[type](data))
  await listens
  return {
    send: (topic, data) =>
      new Promise((resolve, reject) => child.send({ topic, data }, (error) => (error ? reject(error) : resolve()))),
    hear: (type, listener) => (listeners[type] = listener),
  }
}

module.exports = { direct, managed }
