'use strict'

const { fork } = require('node:child_process')
const path = require('node:path')
const { environmentFor } = require('../../__test__/support/home')
const { clear } = require('../contestant/place')

const PROGRAM = path.join(__dirname, '..', 'contestant', 'program.js')
/** The longest that one order may take, in milliseconds, unless the figure says otherwise. */
const PATIENCE = 180_000

let count = 0

/** One contestant of a figure: a process with a home of its own, and all that it starts. */
class Contestant {
  constructor(name, { name: figure, patience = PATIENCE }, { folder, quick }) {
    this.name = name
    this.patience = patience
    this.home = path.join(folder, String(count++))
    const { RPM2_BINARY } = process.env
    const env = { ...environmentFor(this.home), RPM2_BENCH: folder, ...(RPM2_BINARY && { RPM2_BINARY }) }
    const args = [name, figure, this.home, ...(quick ? ['quick'] : [])]
    this.child = fork(PROGRAM, args, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.words = ''
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.words = (this.words + text).slice(-2000)))
  }

  /** Gives an order; the answer, or an error that says why there is none. */
  ask(order) {
    return new Promise((resolve, reject) => {
      const fail = (reason) => settle(() => reject(new Error(`${this.name}: ${order}: ${reason}`)))
      const settle = (end) => {
        clearTimeout(timer)
        this.child.off('message', hear).off('exit', left)
        end()
      }
      const hear = (answer) => (answer.error ? fail(answer.error) : settle(() => resolve(answer)))
      const left = (code, signal) => fail(`the program ended with ${signal ?? code}: ${this.words}`)
      const timer = setTimeout(() => fail(`no answer within ${this.patience / 1000} s`), this.patience)
      this.child.on('message', hear).on('exit', left)
      this.child.send(order, (error) => error && fail(error.message))
    })
  }

  /** Ends it and everything it has started. */
  close() {
    this.child.kill('SIGKILL')
    clear('PM2_HOME', this.home)
  }
}

module.exports = { Contestant }
