'use strict'

// node program.js <contestant> <figure> <home> [quick]: one contestant of one figure, in a process of its own. Each
// order of the harness is answered: `open` when it is ready to measure, `measure` with values and faults.

const fs = require('node:fs')
const { figureOf } = require('../figures')
const { Manager } = require('./manager')

const [contestant, name, home, quick] = process.argv.slice(2)
const figure = figureOf(name)
let faults = []
let measure

const tools = {
  contestant,
  home,
  quick: quick === 'quick',
  /** So much work, or little of it if it need only be seen that it works. */
  amount: (full, little = Math.ceil(full / 10)) => (quick === 'quick' ? little : full),
  /** Records why a row (`id`), or all rows of the figure, cannot be compared. */
  check: (holds, reason, id) => holds || faults.push({ id, reason: `${contestant}: ${reason}` }),
}

const orders = {
  async open() {
    fs.mkdirSync(home)
    if (contestant !== 'limit') tools.manager = new Manager(contestant, home)
    measure = await (contestant === 'limit' ? figure.limit(tools) : figure.manager(tools))
  },
  measure: () => measure(),
}

process.on('message', async (order) => {
  try {
    const values = await orders[order]()
    process.send({ values, faults })
  } catch (error) {
    process.send({ error: String(error?.message ?? error) })
  }
  faults = []
})
process.once('disconnect', () => process.exit())
