'use strict'

const toError = ({ message, code }) => (code === undefined ? new Error(message) : Object.assign(new Error(message), { code }))

/**
 * What a callback gets as its error: an `Error`, or, where several things may fail at once and pm2 says so with an
 * array, an array of them.
 */
function fromNative(json) {
  const { errors, ...error } = JSON.parse(json)
  return errors ? errors.map(toError) : toError(error)
}

/** What a promise is rejected with: always one `Error`, the array as its `errors`, what was done as its `result`. */
function toRejection(error, result) {
  if (!Array.isArray(error)) return error
  const message = error.map(({ message }) => message).join('\n')
  return Object.assign(new Error(message), { code: error[0]?.code, errors: error, result })
}

module.exports = { fromNative, toRejection }
