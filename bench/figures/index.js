'use strict'

// Every figure, in the order of the table. A figure says which `rows` it fills, in which unit, and has two functions
// that prepare what is measured, for a manager (rpm2 and pm2 alike) and for the limit, and give the function that
// measures it once: values by the row's id.

const NAMES = [
  'command',
  'boot',
  'memory',
  'idle',
  'list',
  'batch',
  'start',
  'crash',
  'message',
  'bus',
  'log',
  'http',
  'reload',
  'size',
  'growth',
]

const figures = NAMES.flatMap((name) => require(`./${name}`))

function figureOf(name) {
  const figure = figures.find((figure) => figure.name === name)
  if (!figure) throw new Error(`there is no figure ${name}`)
  return figure
}

module.exports = { figureOf, figures }
