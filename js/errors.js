'use strict'

const toError = ({ message, code }) =>
  code === undefined ? new Error(message) : Object.assign(new Error(message), { code })

// Programs that only know single errors find a text on the array too.
function toErrors(errors) {
  const list = errors.map(toError)
  return Object.defineProperties(list, { message: { value: joined(list) }, code: { value: list[0]?.code } })
}

const joined = (errors) => errors.map(({ message }) => message).join('\n')

/**
 * What a callback gets as its error: an `Error`, or, where several things may fail at once and pm2 says so with an
 * array, an array of them.
 */
function fromNative(json) {
  const { errors, ...error } = JSON.parse(json)
  return errors ? toErrors(errors) : toError(error)
}

/** What a promise is rejected with: always one `Error`, the array as its `errors`, what was done as its `result`. */
function toRejection(error, result) {
  if (!Array.isArray(error)) return error
  return Object.assign(new Error(error.message), { code: error.code, errors: error, result })
}

module.exports = { fromNative, toRejection }
