'use strict'

const fs = require('node:fs')

const textOf = (file) => {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const isAlive = (pid) => /^State:\s+[^ZX]/m.test(textOf(`/proc/${pid}/status`).slice(0, 200))

/** Every process but this one whose environment has `variable` with exactly this value. */
function inhabitants(variable, value) {
  const isOne = (pid) =>
    pid !== process.pid && textOf(`/proc/${pid}/environ`).split('\0').includes(`${variable}=${value}`)
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isOne(pid) && isAlive(pid))
}

/** Kills all of them, parents first, until nobody is left: a keeper or a daemon starts what has died until it is dead. */
function clear(variable, value) {
  for (let turn = 0; turn < 100; turn++) {
    const left = inhabitants(variable, value).sort((one, other) => one - other)
    if (left.length === 0) return
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has gone by itself.
      }
    }
  }
}

module.exports = { clear, inhabitants, isAlive, textOf }
