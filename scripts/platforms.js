'use strict'

// `node scripts/platforms.js`: one folder for each platform of js/platforms.js, with the package.json that names it.

const fs = require('node:fs')
const path = require('node:path')
const { filesOf } = require('../js/binaries')
const { platforms } = require('../js/platforms')
const { version, license } = require('../package.json')

/** The text of a platform's package.json. */
function describePlatform({ triple, os, cpu, libc }) {
  const description = {
    name: `rpm2-${triple}`,
    version,
    private: true,
    description: `rpm2's executable and addon for ${triple}`,
    license,
    main: `rpm2.${triple}.node`,
    files: ['rpm2', `rpm2.${triple}.node`],
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
  }
  return `${JSON.stringify(description, null, 2)}\n`
}

/** Makes a platform's folder. */
function writePlatform(platform) {
  const { folder } = filesOf(platform)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), describePlatform(platform))
}

if (require.main === module) platforms.forEach(writePlatform)

module.exports = { describePlatform, writePlatform }
