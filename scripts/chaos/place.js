'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { exec } = require('./exec')
const { eventually, now } = require('./wait')

/** Whether a process runs; one that has ended and is not yet reaped does not. */
function isAlive(pid) {
  try {
    return !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const commandLine = (pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)

/** What a process is, for people. */
function describe(pid) {
  try {
    return commandLine(pid).join(' ')
  } catch {
    return 'gone'
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has gone by itself.
  }
}

/** A home of our own, its daemon, and the end of everything that runs in it. */
class Place {
  constructor() {
    this.home = fs.mkdtempSync(path.join(os.tmpdir(), 'rc-'))
  }

  file(name) {
    return path.join(this.home, name)
  }

  /** Process id of the keeper. */
  keeper() {
    try {
      return Number(fs.readFileSync(this.file('pm2.pid'), 'utf8')) || undefined
    } catch {
      return undefined
    }
  }

  /** Process id of the daemon that runs, if one does: the keeper's child of that name. */
  daemon() {
    try {
      const keeper = this.keeper()
      const children = fs.readFileSync(`/proc/${keeper}/task/${keeper}/children`, 'utf8').trim().split(' ')
      return children.map(Number).find((pid) => commandLine(pid).at(-1) === 'daemon' && isAlive(pid))
    } catch {
      return undefined
    }
  }

  /** Kills the daemon; when it was asked for, and when it was gone. */
  async killDaemon() {
    const pid = await eventually(() => this.daemon(), 'a daemon to kill')
    const asked = now()
    kill(pid)
    await eventually(() => !isAlive(pid), `the end of the daemon ${pid}`)
    return { asked, gone: now(), pid }
  }

  /** Has another executable take over; when it was asked for, and when the daemon before was gone. */
  async updateDaemon(executable) {
    const pid = await eventually(() => this.daemon(), 'a daemon to update')
    const asked = now()
    let gone
    const end = eventually(() => !isAlive(pid), `the end of the daemon ${pid}`).then(() => (gone = now()))
    await exec(executable, ['update'], { RPM2_HOME: this.home })
    await end
    return { asked, gone, pid }
  }

  /** Every process that descends from a chaos run in this home: its environment says so. */
  inhabitants() {
    const isOurs = (pid) => {
      try {
        const variables = fs.readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
        return Number(pid) !== process.pid && variables.includes(`CHAOS_HOME=${this.home}`) && isAlive(pid)
      } catch {
        return false
      }
    }
    return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOurs(name)).map(Number)
  }

  /** Ends whatever is left, whoever forgot it, and removes the home. Returns what had to be ended. */
  leave() {
    // The keeper first: nothing is started after it.
    const keeper = this.keeper()
    if (keeper && isAlive(keeper) && commandLine(keeper).join(' ').includes('rpm2')) kill(keeper)
    const left = this.inhabitants()
    left.forEach(kill)
    fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 5 })
    return left
  }
}

module.exports = { Place, describe, isAlive }
