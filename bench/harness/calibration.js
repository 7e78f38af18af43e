'use strict'

const os = require('node:os')
const { Worker } = require('node:worker_threads')
const { median } = require('./statistics')

const TURNS = 5
/** Work for some 30 ms. */
const WORK = 60_000_000
/** How much longer it may take than at its best before the machine counts as busy, and how long calm is waited for. */
const CALM = 1.1
const PATIENCE = 10_000

const PROGRAM = `
const { parentPort } = require('node:worker_threads')
parentPort.on('message', (work) => {
  let sum = 0
  for (let count = 0; count < work; count++) sum = (sum + count * 7) | 0
  parentPort.postMessage(sum)
})`

/**
 * The same work on every processor at once, in milliseconds: longer when somebody else works here too. Nothing of ours
 * may be busy meanwhile.
 */
class Calibration {
  #workers = Array.from({ length: os.availableParallelism() }, () => new Worker(PROGRAM, { eval: true }))

  constructor() {
    /** The shortest so far: what it takes when nobody else works. */
    this.best = Infinity
  }

  async measure() {
    const times = []
    for (let turn = 0; turn < TURNS; turn++) {
      const begun = performance.now()
      await Promise.all(this.#workers.map((worker) => answer(worker)))
      times.push(performance.now() - begun)
    }
    const time = median(times)
    this.best = Math.min(this.best, time)
    return time
  }

  /** Waits for a calm moment, but not for ever; how long the work takes then. */
  async settle() {
    const end = Date.now() + PATIENCE
    for (;;) {
      const time = await this.measure()
      if (time <= this.best * CALM || Date.now() > end) return time
    }
  }

  end() {
    return Promise.all(this.#workers.map((worker) => worker.terminate()))
  }
}

function answer(worker) {
  return new Promise((resolve) => {
    worker.once('message', resolve)
    worker.postMessage(WORK)
  })
}

module.exports = { Calibration }
