'use strict'

const { toRejection } = require('./errors')

/** Splits what a caller passed into the arguments proper and the callback, if there is one. */
function splitCallback(given) {
  const args = [...given]
  const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined
  while (!callback && args.length > 0 && args.at(-1) === undefined) args.pop()
  return { args, callback }
}

/** Runs `start(done)`, where `done(error, ...results)`: for the callback if there is one, else as a promise. */
function callbackOrPromise(callback, start) {
  if (callback) return start(callback)
  const promise = new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(toRejection(error, result)) : resolve(result)))
  })
  // Programs written for pm2 leave the callback out where they do not care: for them a failure must not be an
  // unhandled rejection, which ends the program. Whoever awaits the promise is told all the same.
  promise.catch(() => {})
  return promise
}

module.exports = { splitCallback, callbackOrPromise }
