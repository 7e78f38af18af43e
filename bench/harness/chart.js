'use strict'

const { BUSY } = require('./busy')
const { format, sumUp } = require('./numbers')

const WIDTH = 960
/** Where the axis begins and ends. */
const [LEFT, RIGHT] = [330, 830]
const BAR = 9
const ROW = 3 * BAR + 12
const TOP = 76
const CONTESTANTS = ['rpm2', 'pm2', 'limit']

const STYLE = `
    text { font: 12px system-ui, sans-serif; fill: #1f2328 }
    .value { font-size: 9px }
    .soft { fill: #59636e; font-size: 11px }
    .grid { stroke: #8b949e; stroke-opacity: .35 }
    .rpm2 { fill: #c2410c } .pm2 { fill: #3b6fb6 } .limit { fill: #9aa4af }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .soft { fill: #9198a1 }
      .rpm2 { fill: #fb8147 } .pm2 { fill: #6ea8fe } .limit { fill: #6e7681 }
    }`

const escape = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)
const tag = (name, attributes, text) => {
  const all = Object.entries(attributes).map(([key, value]) => ` ${key}="${value}"`)
  return text === undefined ? `<${name}${all.join('')}/>` : `<${name}${all.join('')}>${escape(text)}</${name}>`
}

/** How many times as good as pm2 each contestant is, by a row's medians; undefined without a pm2 to compare with. */
function timesAsGood({ better }, medians) {
  if (!(medians.pm2 > 0)) return undefined
  const times = (value) => (better === 'more' ? value / medians.pm2 : medians.pm2 / value)
  return Object.fromEntries(
    CONTESTANTS.filter((name) => medians[name] !== undefined).map((name) => [name, times(medians[name])]),
  )
}

/** The powers of ten that all finite factors lie between. */
function decades(factors) {
  const logs = factors.filter((factor) => factor > 0 && Number.isFinite(factor)).map(Math.log10)
  return [Math.floor(Math.min(-1, ...logs)), Math.ceil(Math.max(1, ...logs))]
}

function axis([low, high], place, bottom) {
  const power = (exponent) => (exponent < 0 ? `1/${10 ** -exponent}` : format(10 ** exponent))
  return Array.from({ length: high - low + 1 }, (_, index) => low + index).flatMap((exponent) => {
    const x = place(10 ** exponent)
    const label = { x, y: TOP - 8, 'text-anchor': 'middle', class: 'soft' }
    return [
      tag('line', { x1: x, x2: x, y1: TOP, y2: bottom, class: 'grid' }),
      tag('text', label, `${power(exponent)}x`),
    ]
  })
}

function bars({ row, medians, times }, top, place) {
  const shown = CONTESTANTS.filter((name) => times[name] !== undefined)
  return shown.flatMap((name, index) => {
    const y = top + index * BAR
    const end = place(times[name])
    const value = `${format(medians[name])} ${row.unit}`.trim()
    return [
      tag('rect', { x: LEFT, y, width: (end - LEFT).toFixed(1), height: BAR - 1, class: name }),
      tag('text', { x: (end + 4).toFixed(1), y: y + BAR - 1.5, class: 'value' }, value),
    ]
  })
}

function legend() {
  const names = { rpm2: 'rpm2', pm2: 'pm2', limit: 'the limit: the same work without a manager' }
  return CONTESTANTS.flatMap((name, index) => {
    const x = LEFT + [0, 70, 140][index]
    return [
      tag('rect', { x, y: 30, width: 10, height: 10, class: name }),
      tag('text', { x: x + 15, y: 39, class: 'soft' }, names[name]),
    ]
  })
}

/**
 * The rows as SVG: how many times as good as pm2, on a logarithmic axis, better to the right. Rows that cannot be
 * compared are left out; those of a busy machine, where turns make up for much, are counted at the bottom.
 */
function chart(rows, title) {
  const drawn = rows
    .map((row) => ({ row, ...sumUp(row) }))
    .map((one) => ({ ...one, times: timesAsGood(one.row, one.medians) }))
    .filter(({ row, times }) => times && row.faults.every((fault) => fault === BUSY))
  const busy = drawn.filter(({ row }) => row.faults.length > 0).length
  const range = decades(drawn.flatMap(({ times }) => Object.values(times)))
  const [low, high] = range
  const scale = (factor) => LEFT + ((Math.log10(factor) - low) / (high - low)) * (RIGHT - LEFT)
  // What costs nothing at all is infinitely good, and ends where the axis does.
  const place = (factor) => Math.min(RIGHT, Math.max(LEFT + 1, scale(factor)))
  const bottom = TOP + drawn.length * ROW
  const rowsDrawn = drawn.flatMap((one, index) => {
    const top = TOP + index * ROW + 6
    const label = { x: LEFT - 10, y: top + 2 * BAR, 'text-anchor': 'end' }
    return [tag('text', label, one.row.title.replaceAll('`', '')), ...bars(one, top, place)]
  })
  const size = { width: WIDTH, height: bottom + 20, viewBox: `0 0 ${WIDTH} ${bottom + 20}` }
  const head = Object.entries(size)
    .map(([key, value]) => ` ${key}="${value}"`)
    .join('')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg"${head} role="img" aria-label="rpm2, pm2 and the limit">`,
    `<style>${STYLE}\n</style>`,
    tag('text', { x: 12, y: 18 }, 'How many times as good as pm2; better to the right, each step ten times'),
    tag(
      'text',
      { x: 12, y: bottom + 14, class: 'soft' },
      busy > 0 ? `${title}; rows on a busy machine: ${busy}` : title,
    ),
    ...legend(),
    ...axis(range, place, bottom),
    ...rowsDrawn,
    '</svg>\n',
  ].join('\n')
}

module.exports = { chart }
