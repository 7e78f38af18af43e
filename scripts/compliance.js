'use strict'

// `npm run compliance`: plays every scenario against pm2 and against rpm2, and lists every attribute, function and
// event of pm2's with what came of it: same, better (rpm2 differs on purpose), different, or missing. Ends with 1 if
// anything is different or missing.

const fs = require('node:fs')
const path = require('node:path')
const { judge } = require('./compliance/judge')
const { features } = require('./compliance/features')
const { lines } = require('./compliance/report')

const folder = path.join(__dirname, '..', '__test__', 'scenarios')

async function main() {
  const verdicts = []
  for (const file of fs.readdirSync(folder).sort()) {
    const verdict = await judge(path.join(folder, file))
    console.log(`${verdict.difference ? 'different' : 'same     '}  ${file}  ${verdict.title}`)
    if (verdict.difference) console.log(`           ${verdict.difference}`)
    verdicts.push(verdict)
  }
  const { text, wrong } = lines(features(), verdicts)
  console.log(`\n${text}`)
  process.exitCode = wrong === 0 ? 0 : 1
}

main()
