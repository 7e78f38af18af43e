'use strict'

/** Runs one callback; what it throws is an uncaught exception of its own, as it would be from a socket's event. */
function run(handler, ...args) {
  try {
    handler(...args)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

module.exports = { run }
