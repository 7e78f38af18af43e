'use strict'

const fs = require('node:fs')
const { compare } = require('./numbers')
const { eventually, now, sleep } = require('./wait')

/** Numbered messages from and to the app talker.js. */
class Messages {
  #stopped = false

  constructor(session, bus, file) {
    this.session = session
    this.file = file
    /** When the app said each, by number. */
    this.said = []
    this.order = true
    /** For each message sent: when, and whether the call succeeded. */
    this.told = []
    this.errors = []
    bus.on('chaos:said', ({ data }) => this.said.push(data))
    bus.on('chaos:last', ({ data }) => (this.last = data.count))
  }

  start(pm_id) {
    this.pm_id = pm_id
    this.done = this.#run()
  }

  async #run() {
    while (!this.#stopped) {
      const n = this.told.length
      const entry = { at: now(), ok: false }
      this.told.push(entry)
      try {
        await this.session.sendDataToProcessId(this.pm_id, { topic: 'chaos:told', data: { n } })
        entry.ok = true
        entry.answered = now()
      } catch (error) {
        if (error.code !== 'RPM2_DAEMON_LOST') this.errors.push(`${error.code}: ${error.message}`)
      }
      await sleep(2)
    }
  }

  /** Ends the exchange and counts. `gaps`: the times without a daemon. */
  async finish(gaps) {
    this.#stopped = true
    await this.done
    await this.session.sendDataToProcessId(this.pm_id, { topic: 'chaos:end', data: {} })
    await eventually(() => this.last !== undefined, "the talker's last word")
    return { said: this.#countSaid(gaps), told: this.#countTold(gaps) }
  }

  #countSaid(gaps) {
    const numbers = this.said.map(({ n }) => n)
    const result = compare(this.last, numbers)
    const at = new Map(this.said.map((message) => [message.n, message.at]))
    // A lost message was said between those around it that arrived.
    const moment = (number) => {
      for (let next = number + 1; next < this.last; next++) if (at.has(next)) return at.get(next)
      return now()
    }
    return { ...result, ...judge(result.lost.map(moment), gaps) }
  }

  #countTold(gaps) {
    const arrived = fs.readFileSync(this.file, 'utf8').split('\n').slice(0, -1).map(Number)
    const { count, lost, duplicated } = compare(this.told.length, arrived)
    const promised = lost.filter((n) => this.told[n].ok)
    const unanswered = this.told.filter(({ ok }) => !ok).length
    return { count, lost: promised, duplicated, unanswered, ...judge(promised.map((n) => this.told[n].answered), gaps) }
  }
}

// What is in the daemon's memory when it dies came within this time.
const IN_MEMORY = 250

/**
 * Of the messages lost, sent at these moments: how many while no daemon listened, and how many when none was killed.
 * Each gap is a kill: `asked`, `gone`, and `listening` again.
 */
function judge(moments, gaps) {
  let inGap = 0
  let unexplained = 0
  const inMemory = (at) => gaps.some(({ asked, gone }) => at > asked - IN_MEMORY && at <= gone + 1)
  for (const at of moments) {
    if (inMemory(at)) continue
    if (gaps.some(({ gone, listening }) => at > gone && at < listening)) inGap++
    else unexplained++
  }
  return { inGap, unexplained }
}

module.exports = { Messages }
