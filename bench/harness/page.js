'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { chart } = require('./chart')

const [BEGIN, END] = ['<!-- table: written by `npm run bench -- --chart` -->', '<!-- end of table -->']
const docs = path.join(__dirname, '..', '..', 'docs')

/** The page with another table. */
function withTable(page, text) {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`docs/bench.md has no place for the table: \`${BEGIN}\` and \`${END}\``)
  return `${page.slice(0, from)}${BEGIN}\n\n\`\`\`text\n${text}\n\`\`\`\n\n${page.slice(to)}`
}

/** Writes the chart, and the table into the page that says how it is measured. */
function writePages(rows, title, text) {
  const page = path.join(docs, 'bench.md')
  fs.writeFileSync(page, withTable(fs.readFileSync(page, 'utf8'), text))
  fs.writeFileSync(path.join(docs, 'bench.svg'), chart(rows, title))
}

module.exports = { withTable, writePages }
