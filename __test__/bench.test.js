'use strict'

// What `npm run bench` makes of what it measures, and that it says what is wrong. The figures are no matter for tests.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const { figures } = require('../bench/figures')
const { isDebugBuild } = require('../bench/harness/build')
const { BUSY, isBusy } = require('../bench/harness/busy')
const { chart } = require('../bench/harness/chart')
const { judgeGrowth } = require('../bench/harness/growth')
const { judge, nameOf } = require('../bench/harness/judge')
const { format, formatRatio } = require('../bench/harness/numbers')
const { readOptions } = require('../bench/harness/options')
const { withTable } = require('../bench/harness/page')
const { finish, record, turned } = require('../bench/harness/runner')
const { median, quantile, ratio, spread } = require('../bench/harness/statistics')
const { table } = require('../bench/harness/table')
const targets = require('../bench/targets')
const { run } = require('./support/run')

const main = path.join(__dirname, '..', 'bench', 'main.js')

const row = (more = {}) => ({
  id: 'x',
  title: 'calls',
  unit: 'ms',
  better: 'less',
  values: { rpm2: [2, 4], pm2: [20, 20], limit: [1, 2] },
  faults: [],
  judged: [],
  ...more,
})

test('statistics: medians, quantiles and spreads', () => {
  assert.strictEqual(median([3, 1, 2]), 2)
  assert.strictEqual(median([4, 1, 2, 3]), 2.5)
  assert.strictEqual(quantile([10, 20, 30, 40, 50], 0.25), 20)
  assert.strictEqual(quantile([1, 2], 1), 2)
  assert.strictEqual(spread([10, 20, 30, 40, 50]), 20 / 30)
  assert.strictEqual(spread([5]), undefined)
  assert.strictEqual(spread([0, 0, 0]), undefined)
})

test('statistics: a ratio is that of one round, whatever the rounds are like', () => {
  assert.strictEqual(ratio([1, 10, 100], [2, 20, 200]), 0.5)
  assert.strictEqual(ratio([1, 10, 100], [2]), 0.5)
  assert.strictEqual(ratio([1], [0]), undefined)
})

test('targets: bounds of the limit, of pm2, with something on top, and plain ones', () => {
  const verdicts = (target, values) => judge([target], values).map(({ verdict }) => verdict)[0]
  const values = { rpm2: [10, 12], pm2: [100, 100], limit: [6, 6] }
  assert.strictEqual(verdicts({ most: 2, of: 'limit' }, values), 'met')
  assert.strictEqual(verdicts({ most: 1.5, of: 'limit' }, values), 'missed')
  assert.strictEqual(verdicts({ most: 1 / 60, of: 'pm2' }, values), 'missed')
  assert.strictEqual(verdicts({ least: 1.5, of: 'limit' }, values), 'met')
  assert.strictEqual(verdicts({ least: 2, of: 'limit' }, values), 'missed')
  assert.strictEqual(verdicts({ most: 1, of: 'limit', plus: 5 }, values), 'met')
  assert.strictEqual(verdicts({ most: 1, of: 'limit', plus: 4 }, values), 'missed')
  assert.strictEqual(verdicts({ most: 11 }, values), 'met')
  assert.strictEqual(verdicts({ most: 0 }, { rpm2: [0, 0] }), 'met')
  assert.strictEqual(verdicts({ most: 2, of: 'limit' }, { rpm2: [1] }), 'unknown')
  assert.strictEqual(verdicts({ most: 2 }, {}), 'unknown')
})

test('targets: their names', () => {
  assert.strictEqual(nameOf({ most: 1 / 60, of: 'pm2' }), '<= 1/60x pm2')
  assert.strictEqual(nameOf({ most: 1, of: 'limit', plus: 5 }), '<= 1x limit + 5')
  assert.strictEqual(nameOf({ least: 0.95, of: 'limit' }), '>= 0.95x limit')
  assert.strictEqual(nameOf({ most: 4.5 }), '<= 4.5')
})

test('targets: each is of a row that is measured, and no row comes twice', () => {
  const ids = figures.flatMap(({ rows }) => rows.map(({ id }) => id))
  assert.deepStrictEqual(
    Object.keys(targets).filter((id) => !ids.includes(id)),
    [],
  )
  assert.strictEqual(new Set(ids).size, ids.length)
  const names = figures.map(({ name }) => name)
  assert.strictEqual(new Set(names).size, names.length)
})

test('growth: a figure may grow with the number of apps, and not faster', () => {
  const of = (what, size, value) => row({ growth: { what, size }, values: { rpm2: [value] } })
  const rows = [of('list', 1, 1), of('list', 10, 10), of('list', 100, 130), of('cpu', 1, 0), of('cpu', 10, 3)]
  judgeGrowth(rows)
  assert.deepStrictEqual(
    rows.map(({ judged }) => judged.map(({ verdict }) => verdict)[0]),
    [undefined, 'met', 'missed', undefined, 'met'],
  )
  assert.strictEqual(rows[2].judged[0].name, '<= 10x at 10')
})

test('rounds: everybody is first in turn, and warming up counts for nothing', () => {
  assert.deepStrictEqual(turned(['a', 'b', 'c'], 1), ['b', 'c', 'a'])
  assert.deepStrictEqual(turned(['a', 'b', 'c'], 3), ['a', 'b', 'c'])
  const rows = [row({ values: {} }), row({ id: 'y', values: {} })]
  record(rows, 'pm2', -1, { values: { x: 7 } })
  record(rows, 'pm2', 0, { values: { x: 1, y: 2 }, faults: [{ id: 'y', reason: 'one lost' }] })
  record(rows, 'pm2', 1, { values: { x: 3, y: 4 }, faults: [{ id: 'y', reason: 'one lost' }] })
  assert.deepStrictEqual(
    rows.map(({ values }) => values.pm2),
    [
      [1, 3],
      [2, 4],
    ],
  )
  assert.deepStrictEqual(
    rows.map(({ faults }) => faults),
    [[], ['one lost']],
  )
})

test('rounds: a busy machine and a figure without values are not comparable', () => {
  assert.deepStrictEqual(
    [36, 39].map((after) => isBusy({ before: 30, after }, 30)),
    [false, true],
  )
  const rows = [
    row({ calibration: { before: 20, after: 20 } }),
    row({ calibration: { before: 20, after: 10 } }),
    row({ values: {} }),
  ]
  finish(rows, 10)
  assert.deepStrictEqual(
    rows.map(({ faults }) => faults),
    [[BUSY], [BUSY], ['rpm2: nothing was measured']],
  )
})

test('numbers: as many digits as they are worth', () => {
  const numbers = [12345.6, 100, 99.96, 1.2345, 0.012345, 0, undefined]
  assert.deepStrictEqual(numbers.map(format), ['12,346', '100', '100', '1.23', '0.0123', '0', '-'])
  assert.deepStrictEqual([2, 0.5, 1 / 60, 0, undefined].map(formatRatio), ['2', '0.5', '1/60', '0', '-'])
})

test('table: medians, ratios, spreads, verdicts, and notes for what cannot be compared', () => {
  const judged = judge(
    [
      { most: 2, of: 'limit' },
      { most: 0.1, of: 'pm2' },
    ],
    row().values,
  )
  const lines = table([
    row({ judged }),
    row({ title: 'bus', unit: '/s', values: { rpm2: [5] }, faults: ['it rained', 'it snowed'] }),
    row({ title: 'log', values: {}, faults: ['it snowed'] }),
  ]).split('\n')
  assert.deepStrictEqual(lines, [
    'figure  unit  rpm2  pm2  limit  x pm2  x limit  spread %  target',
    'calls   ms       3   20    1.5   0.15        2   33 0 33  <= 2x limit met, <= 0.1x pm2 MISSED',
    'bus     /s       5    -      -      -        -     - - -  NOT COMPARABLE [1][2]',
    'log     ms       -    -      -      -        -     - - -  NOT COMPARABLE [2]',
    '[1] it rained',
    '[2] it snowed',
  ])
})

test('chart: a bar for each contestant, longer when better, nothing for what cannot be compared', () => {
  const svg = chart(
    [
      row(),
      row({ title: 'a < b & c', unit: '/s', better: 'more', values: { rpm2: [1000], pm2: [10] } }),
      row({ title: 'free', values: { rpm2: [0], pm2: [10], limit: [0] } }),
      row({ title: 'unfair', faults: ['it rained'] }),
      row({ title: 'busy', faults: [BUSY] }),
      row({ title: 'lonely', values: { rpm2: [1] } }),
    ],
    'a run',
  )
  const widths = (name) =>
    [...svg.matchAll(new RegExp(`width="([\\d.]+)" height="8" class="${name}"`, 'g'))].map(([, width]) => Number(width))
  const [ours, theirs, limits] = ['rpm2', 'pm2', 'limit'].map(widths)
  assert.deepStrictEqual([ours.length, theirs.length, limits.length], [4, 4, 3])
  assert.ok(ours.every((width, index) => width > theirs[index]))
  assert.strictEqual(new Set(theirs).size, 1)
  // The axis goes from a tenth to a hundred times: pm2 is at a third of it.
  assert.deepStrictEqual([Math.round(theirs[0]), Math.round(ours[1]), Math.round(ours[2])], [167, 500, 500])
  assert.ok(
    svg.includes('a &#60; b &#38; c') &&
      svg.includes('a run; rows on a busy machine: 1') &&
      svg.includes('prefers-color-scheme: dark'),
  )
  assert.ok(!svg.includes('unfair') && !svg.includes('lonely') && !/NaN|Infinity|undefined/.test(svg))
  assert.ok(svg.startsWith('<svg ') && svg.endsWith('</svg>\n'))
})

test('page: the table takes the place of the one before', () => {
  const page = fs.readFileSync(path.join(__dirname, '..', 'docs', 'bench.md'), 'utf8')
  const [first, second] = [withTable(page, 'one'), withTable(withTable(page, 'one'), 'two')]
  assert.ok(first.includes('\n```text\none\n```\n'))
  assert.strictEqual(second, first.replace('\none\n', '\ntwo\n'))
  assert.throws(() => withTable('# Other', 'one'), /no place for the table/)
})

test('options: what is asked for', () => {
  const names = ['list', 'log-fork', 'log-cluster']
  assert.deepStrictEqual(readOptions([], names).only, undefined)
  const options = readOptions(['--only', 'log,list', '--rounds', '3', '--json', 'x.json', '--growth'], names)
  assert.deepStrictEqual(options.only, ['log-fork', 'log-cluster', 'list'])
  assert.deepStrictEqual([options.rounds, options.json, options.growth, options.chart], [3, 'x.json', true, false])
})

for (const [args, message] of [
  [['--fast'], /Unknown option '--fast'\. Options are --only, --rounds, .*--chart/],
  [['stray'], /stray.* Options are --only/],
  [['--only', 'list,lost'], /there is no figure lost\. Figures are list, log-fork\./],
  [['--only', ','], /names no figure\. Figures are list, log-fork\./],
  [['--rounds', '0'], /--rounds must be a whole number from 1 to 999, and is `0`/],
  [['--rounds', 'many'], /is `many`/],
  [['--chart', '--quick'], /without --quick and --only/],
  [['--chart', '--only', 'list'], /without --quick and --only/],
]) {
  test(`options: ${args.join(' ')} is refused`, () => {
    assert.throws(() => readOptions(args, ['list', 'log-fork']), message)
  })
}

/** An ELF file with sections of these names and nothing in them. */
function elf(names) {
  const text = Buffer.from(`\0${names.join('\0')}\0`)
  const header = Buffer.alloc(64)
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]).copy(header)
  header.writeBigUInt64LE(BigInt(64 + text.length), 40)
  header.writeUInt16LE(64, 58)
  header.writeUInt16LE(names.length, 60)
  const sections = names.map((name) => {
    const section = Buffer.alloc(64)
    section.writeUInt32LE(text.indexOf(`\0${name}\0`) + 1, 0)
    section.writeBigUInt64LE(64n, 24)
    return section
  })
  return Buffer.concat([header, text, ...sections])
}

test('build: a debug build is told from a release build', () => {
  assert.strictEqual(isDebugBuild(elf(['.text', '.data'])), false)
  assert.strictEqual(isDebugBuild(elf(['.text', '.symtab'])), true)
  assert.strictEqual(isDebugBuild(elf(['.debug_info', '.text'])), true)
  assert.strictEqual(isDebugBuild(Buffer.from('#!/bin/sh\n'.repeat(10))), false)
})

test('the command refuses a debug build', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'r-'))
  const file = path.join(folder, 'rpm2')
  fs.writeFileSync(file, elf(['.text', '.symtab']))
  const { code, stderr } = await run(process.execPath, [main], { env: { ...process.env, RPM2_BINARY: file } })
  fs.rmSync(folder, { recursive: true })
  assert.strictEqual(code, 1)
  assert.match(stderr, /rpm2 is a debug build, whose figures say nothing\. .*`npm run build`/)
})

test('the command says what it knows, and ends with 1', async () => {
  const { code, stderr } = await run(process.execPath, [main, '--only', 'lust'])
  assert.strictEqual(code, 1)
  assert.match(stderr, /there is no figure lust\. Figures are command-10, .*bus, .*size/)
})
