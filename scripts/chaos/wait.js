'use strict'

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Milliseconds since 1970, with fractions; the same clock in every process. */
const now = () => performance.timeOrigin + performance.now()

/** Polls until `check` gives something truthy, which it returns; fails with `what` after the deadline. */
async function eventually(check, what, deadline = 20_000) {
  const end = Date.now() + deadline
  for (;;) {
    const value = await check()
    if (value) return value
    if (Date.now() > end) throw new Error(`${what}: not within ${deadline} ms`)
    await sleep(2)
  }
}

/** The promise's result; fails with `what` if there is none in time. */
function within(milliseconds, promise, what) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${milliseconds} ms`)), milliseconds)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

module.exports = { eventually, now, sleep, within }
