'use strict'

const http = require('node:http')
const { now, sleep, within } = require('./wait')

const PATIENCE = 15_000

/** HTTP requests one after another until `stop`; the failures by reason. */
class Load {
  #stopped = false

  constructor(port, { keepAlive, pause }) {
    this.agent = new http.Agent({ keepAlive, maxSockets: 1 })
    this.options = { host: '127.0.0.1', port, agent: this.agent }
    this.requests = 0
    this.slowest = 0
    /** What went wrong: `{ at, reason }`. */
    this.failures = []
    this.done = this.#run(pause)
  }

  async stop() {
    this.#stopped = true
    await this.done
    this.agent.destroy()
  }

  async #run(pause) {
    while (!this.#stopped) {
      const at = now()
      this.requests++
      try {
        await within(PATIENCE, get(this.options), 'answer')
      } catch (error) {
        this.failures.push({ at, reason: error.code ?? error.message })
      }
      this.slowest = Math.max(this.slowest, now() - at)
      await sleep(pause)
    }
  }
}

function get(options) {
  return new Promise((resolve, reject) => {
    const request = http.get(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => (/^\d+$/.test(text) ? resolve(Number(text)) : reject(new Error(`answer ${text}`))))
    })
    request.on('error', reject)
  })
}

/** The requests of several loads together. */
function sum(loads) {
  return {
    requests: loads.reduce((total, load) => total + load.requests, 0),
    slowest: Math.max(...loads.map((load) => load.slowest)),
    failures: loads.flatMap((load) => load.failures),
  }
}

module.exports = { Load, get, sum }
