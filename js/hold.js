'use strict'

// The longest delay a timer takes: the timer never does anything, it only keeps the event loop alive.
const FOREVER = 2 ** 31 - 1

/** Keeps the script alive as long as somebody holds it. */
class Hold {
  #timer
  #holders = new Set()

  /** Holds for `holder`; again for the same one changes nothing. */
  take(holder) {
    this.#holders.add(holder)
    this.#timer ??= setInterval(() => {}, FOREVER)
  }

  /** Lets go for `holder`. */
  release(holder) {
    this.#holders.delete(holder)
    if (this.#holders.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

module.exports = { Hold }
