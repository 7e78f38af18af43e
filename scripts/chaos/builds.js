'use strict'

const fs = require('node:fs')
const { locate } = require('../../js/binaries')
const { version } = require('../../package.json')

/** The executable as it is, and one that differs from it in its version only, to take turns. */
function makeBuilds(place) {
  const bytes = fs.readFileSync(locate().executable)
  const mark = (version) => Buffer.from(`rpm2 version ${version}`)
  const other = mark(version.replace(/\d/g, '9'))
  const next = Buffer.from(bytes)
  let at = -1
  let count = 0
  while ((at = next.indexOf(mark(version), at + 1)) >= 0) {
    other.copy(next, at)
    count++
  }
  if (count === 0) throw new Error(`${locate().executable} is not version ${version}: build it anew`)
  return [
    ['rpm2-next', next],
    ['rpm2-same', bytes],
  ].map(([name, content]) => {
    const path = place.file(name)
    fs.writeFileSync(path, content, { mode: 0o755 })
    return path
  })
}

module.exports = { makeBuilds }
