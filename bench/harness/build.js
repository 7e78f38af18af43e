'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { locate } = require('../../js/binaries')
const { version } = require('../../package.json')
const pm2 = require('../../node_modules/pm2/package.json')

const root = path.join(__dirname, '..', '..')

/** The names of the sections of an ELF file of 64 bits, the small end first. */
function sectionsOf(bytes) {
  const table = Number(bytes.readBigUInt64LE(40))
  const [size, count, namesAt] = [58, 60, 62].map((offset) => bytes.readUInt16LE(offset))
  const header = (index) => bytes.subarray(table + index * size)
  const names = bytes.subarray(Number(header(namesAt).readBigUInt64LE(24)))
  const nameOf = (index) => {
    const at = header(index).readUInt32LE(0)
    return names.toString('latin1', at, names.indexOf(0, at))
  }
  return Array.from({ length: count }, (_, index) => nameOf(index))
}

const isElf = (bytes) => bytes.length > 64 && bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1

/** Whether a program has what a debug build has: the release build is stripped of it. */
const isDebugBuild = (bytes) => isElf(bytes) && sectionsOf(bytes).some((name) => /^\.(symtab|debug_info)$/.test(name))

/** Fails if what would be measured is not the release build. */
function refuseDebugBuild() {
  const { executable, addon } = locate()
  for (const file of [executable, addon]) {
    if (!isDebugBuild(fs.readFileSync(file))) continue
    throw new Error(
      `${file} is a debug build, whose figures say nothing. Make the release build with \`npm run build\`.`,
    )
  }
}

/** What was measured, where and when. */
function describeRun({ quick, rounds }) {
  const git = (...args) => {
    try {
      return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      return ''
    }
  }
  const run = {
    date: new Date().toISOString().slice(0, 10),
    rpm2: version,
    commit: git('describe', '--always', '--dirty'),
    pm2: pm2.version,
    node: process.version,
    machine: `${os.availableParallelism()} x ${os.cpus()[0].model}`,
    kernel: `${os.type()} ${os.release()}`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    quick,
    rounds,
  }
  const { date, commit, machine, kernel, memory, node } = run
  const what = `rpm2 ${run.rpm2}${commit && ` (${commit})`} and pm2 ${run.pm2} on Node ${node}`
  return {
    ...run,
    title: `${date}: ${what}; ${machine}, ${memory}, ${kernel}${quick ? '; QUICK: no figures to quote' : ''}`,
  }
}

module.exports = { describeRun, isDebugBuild, refuseDebugBuild, sectionsOf }
