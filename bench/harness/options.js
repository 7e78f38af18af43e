'use strict'

const { parseArgs } = require('node:util')

const OPTIONS = {
  only: { type: 'string' },
  rounds: { type: 'string' },
  quick: { type: 'boolean', default: false },
  growth: { type: 'boolean', default: false },
  json: { type: 'string' },
  chart: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
}

const USAGE = `npm run bench -- [--only list,bus] [--rounds n] [--quick] [--growth] [--json file] [--chart]
  --only a,b   these figures only
  --rounds n   so many rounds of each figure, instead of the number it comes with
  --quick      few rounds of little work: to see whether the harness works, not for numbers
  --growth     also the same figures at 1, 10, 100 and 1,000 apps
  --json file  every value measured, as JSON
  --chart      writes docs/bench.svg and the table of docs/bench.md`

const known = () =>
  `Options are ${Object.keys(OPTIONS)
    .map((name) => `--${name}`)
    .join(', ')}.`

/** The command line as node:util parses it, its complaint with what would have been right. */
function parse(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values
  } catch (error) {
    throw new Error(`${error.message.split('. ')[0]}. ${known()}`, { cause: error })
  }
}

function readRounds(text) {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new Error(`--rounds must be a whole number from 1 to 999, and is \`${text}\``)
  return Number(text)
}

/** The figures of these names, and those whose names go on after one of them: `log` is log-fork and log-cluster. */
function readOnly(text, figures) {
  if (text === undefined) return undefined
  const names = text.split(',').filter(Boolean)
  const meant = (name) => figures.filter((figure) => figure === name || figure.startsWith(`${name}-`))
  const unknown = names.filter((name) => meant(name).length === 0)
  if (names.length > 0 && unknown.length === 0) return names.flatMap(meant)
  const what = names.length === 0 ? '--only names no figure' : `there is no figure ${unknown.join(', ')}`
  throw new Error(`${what}. Figures are ${figures.join(', ')}.`)
}

/** What the command line asks for; `figures` are the names that `--only` may have. */
function readOptions(args, figures) {
  const { only, rounds, ...rest } = parse(args)
  if (rest.chart && (rest.quick || only !== undefined)) {
    throw new Error('--chart is for all figures at full length: without --quick and --only')
  }
  return { ...rest, only: readOnly(only, figures), rounds: readRounds(rounds) }
}

module.exports = { USAGE, readOptions }
