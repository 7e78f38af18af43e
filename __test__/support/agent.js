'use strict'

const { fork } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { environmentFor, eventually } = require('./home')

const agent = path.join(__dirname, '..', '..', 'agent', 'agent.js')
const fixtures = path.join(__dirname, '..', 'fixtures', 'agent')

/**
 * Runs a script of the fixtures as the daemon does, with the agent or without. What comes: `messages`, the agent's
 * own `lines`, `stdout`, `stderr`; `ended` gives the exit code and signal.
 */
function launch(node, script, { withAgent = true, flags = [], args = [], env = {}, mode = 'fork' } = {}) {
  const file = path.join(fixtures, script)
  const given = withAgent ? { RPM2_AGENT: '1' } : {}
  const attributes = { name: 'app', version: '1.2.3', exec_mode: `${mode}_mode`, pm_exec_path: file }
  const child = fork(file, args, {
    execPath: node,
    execArgv: [...(withAgent ? ['-r', agent] : []), ...flags],
    env: { ...environmentFor('/nonexistent'), ...attributes, ...given, ...env },
    cwd: fixtures,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const app = { child, messages: [], lines: [], stdout: '', stderr: '' }
  child.on('message', (message) => app.messages.push(message))
  child.on('internalMessage', (line) => app.lines.push(line))
  for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (app[name] += text))
  // There is no `close` after a `disconnect`.
  const ends = [once(child, 'exit'), once(child.stdout, 'close'), once(child.stderr, 'close')]
  app.ended = Promise.all(ends).then(([[code, signal]]) => ({ code, signal }))
  app.tell = (line) => child.send({ cmd: 'NODE_RPM2', ...line })
  /** The first message of this type that has come or comes, and that `wanted` accepts. */
  app.message = (type, wanted = () => true) => {
    const find = () => app.messages.find((message) => message?.type === type && wanted(message.data))
    return eventually(find, `${script} on ${node}: a message ${type}`).then(({ data }) => data)
  }
  return app
}

/** Runs it to its end: everything that can be seen of it. */
async function runApp(node, script, options) {
  const app = launch(node, script, options)
  const { code, signal } = await app.ended
  return { ...app, code, signal }
}

/** Has `body` called with a running app, which is gone afterwards. */
async function withApp(node, script, options, body) {
  const app = launch(node, script, options)
  try {
    return await body(app)
  } finally {
    app.child.kill('SIGKILL')
    await app.ended
  }
}

module.exports = { agent, fixtures, launch, runApp, withApp }
