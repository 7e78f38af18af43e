'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Polls until `check` gives something truthy, which it returns; fails with `what` after the deadline. */
async function eventually(check, what, deadline = 20_000) {
  const end = Date.now() + deadline
  for (;;) {
    const value = await check()
    if (value) return value
    if (Date.now() > end) throw new Error(`${what}: not within ${deadline} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const readText = (file) => {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const childrenOf = (pid) => readText(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)

/** A home of its own for one test, on a path short enough for sockets. `remove` ends its daemon, if there is one. */
function makeHome() {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'r-'))
  const daemon = () => Number(fs.readFileSync(path.join(home, 'pm2.pid'), 'utf8'))
  const daemonPid = () => {
    try {
      const pid = daemon()
      return pid > 0 && isAlive(pid) ? pid : undefined
    } catch {
      return undefined
    }
  }
  /** The process that answers: the child of our keeper that is no app. pm2 has no keeper. */
  const answeringPid = () =>
    childrenOf(daemonPid()).find((pid) => readText(`/proc/${pid}/cmdline`).endsWith('\0daemon\0')) ?? daemonPid()
  const remove = async () => {
    const pid = daemonPid()
    if (pid) {
      process.kill(pid, 'SIGTERM')
      await eventually(() => !isAlive(pid), `the daemon ${pid} of ${home} ends`)
    }
    fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
  return { home, daemonPid, answeringPid, remove }
}

/** The environment of a program that uses `home`, whichever of the two it is. */
function environmentFor(home) {
  const { RPM2_BINARY, ...env } = process.env
  const clean = Object.fromEntries(Object.entries(env).filter(([name]) => !/^(npm_|NODE_TEST|NODE_OPTIONS)/.test(name)))
  return { ...clean, PM2_HOME: home, RPM2_HOME: home, PM2_DISABLE_VERSION_CHECK: 'true' }
}

module.exports = { environmentFor, eventually, isAlive, makeHome }
