'use strict'

// `npm run bench:agent`: what the agent costs an app: without one, with ours, and the same two of pm2, in turns.
// `npm run bench:agent -- 3` takes three rounds instead of nine.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { environmentFor, makeHome } = require('../__test__/support/home')

const ROUNDS = Number(process.argv[2]) || 9
const IDLE_SECONDS = 20

const VARIANTS = { none: ['rpm2', 'false'], ours: ['rpm2', 'true'], 'pm2 none': ['pm2', 'false'], pm2: ['pm2', 'true'] }

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

async function open([engine, pmx]) {
  const place = makeHome()
  const args = [engine, pmx]
  const child = fork(path.join(__dirname, 'agent', 'variant.js'), args, { env: environmentFor(place.home) })
  await once(child, 'message')
  const ask = async (order, argument) => {
    child.send({ order, argument })
    const [answer] = await once(child, 'message')
    if (answer.error) throw new Error(`${engine} pmx ${pmx}: ${order}: ${answer.error}`)
    return answer
  }
  const close = async () => {
    child.send({ order: 'end' })
    await once(child, 'exit')
    await place.remove()
  }
  return { ask, close }
}

/** Has every variant measured once, one after the other or at once, in an order that turns from round to round. */
async function round(variants, number, measure) {
  const names = Object.keys(variants)
  const turned = names.map((_, index) => names[(index + number) % names.length])
  for (const name of turned) await measure(name, variants[name])
}

function add(figures, name, answer) {
  for (const [figure, value] of Object.entries(answer)) {
    figures[figure] ??= {}
    ;(figures[figure][name] ??= []).push(value)
  }
}

/** What an agent adds: the median of the differences within a round, for the machine is not the same all the time. */
const added = (values, name, without) => median(values[name].map((value, round) => value - values[without][round]))

function report(title, unit, values) {
  const [ours, theirs] = [added(values, 'ours', 'none'), added(values, 'pm2', 'pm2 none')]
  const medians = Object.keys(VARIANTS).map((name) => median(values[name]))
  const numbers = [...medians, ours, theirs].map((value) => value.toFixed(1).padStart(9))
  const share = `${Math.round((ours / theirs) * 100)} %`
  console.log(`${`${title} (${unit})`.padEnd(34)}${numbers.join('')}${share.padStart(8)}`)
}

async function main() {
  const variants = {}
  for (const [name, variant] of Object.entries(VARIANTS)) variants[name] = await open(variant)
  const [startup, serving, idle] = [{}, {}, {}]
  try {
    for (let number = 0; number < ROUNDS * 6; number++) {
      await round(variants, number, async (name, { ask }) => add(startup, name, await ask('startup')))
    }
    await round(variants, 0, (name, { ask }) => ask('serve'))
    for (let number = 0; number < ROUNDS * 60; number++) {
      await round(variants, number, async (name, { ask }) => add(serving, name, await ask('requests')))
    }
    await round(variants, 0, (name, { ask }) => ask('leave'))
    for (let number = 0; number < Math.ceil(ROUNDS / 3); number++) {
      const measure = async ([name, { ask }]) => add(idle, name, await ask('idle', IDLE_SECONDS))
      await Promise.all(Object.entries(variants).map(measure))
    }
  } finally {
    for (const { close } of Object.values(variants)) await close()
  }
  const heads = ['none', 'ours', 'pm2 none', 'pm2', '+ours', '+pm2'].map((head) => head.padStart(9))
  console.log(`Node ${process.version}, medians${heads.join('').padStart(70)}   share`)
  report('start to first message', 'ms', startup.ms)
  report('processor, 1000 HTTP requests', 'us', serving.used)
  report('processor, idle', 'us/s', idle.used)
  report('memory of its own, idle', 'kB', idle.own)
  report('resident memory, idle', 'kB', idle.rss)
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
