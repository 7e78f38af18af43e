'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { currentPlatform, platforms } = require('./platforms')

const root = path.join(__dirname, '..')
const folderOf = ({ triple }) => path.join(root, 'npm', triple)

/** Where the executable and the addon of a platform are. */
function filesOf(platform) {
  const folder = folderOf(platform)
  return {
    folder,
    executable: path.join(folder, 'rpm2'),
    addon: path.join(folder, `rpm2.${platform.triple}.node`),
  }
}

/** The platforms whose executable is here. */
const present = () => platforms.filter((platform) => fs.existsSync(filesOf(platform).executable))

/** Why there is nothing to run, which of the possible cases it is, and what to do. */
function explainMissing() {
  const here = `${process.platform}-${process.arch}`
  const platform = currentPlatform()
  const found = present().map(({ triple }) => triple)
  if (!platform) {
    const known = platforms.map(({ triple }) => triple).join(', ')
    return `rpm2 does not run on ${here}. It runs on ${known}.`
  }
  if (found.length > 0) {
    return (
      `rpm2 was installed for ${found.join(', ')}, but this is ${platform.triple}.\n` +
      'Was node_modules copied from another machine? Remove it and install again here.'
    )
  }
  return (
    `rpm2's program for ${platform.triple} is missing: ${filesOf(platform).executable}\n` +
    (fs.existsSync(path.join(root, 'Cargo.toml'))
      ? 'Build it with `npm run build` (this needs Rust: https://rustup.rs).'
      : 'The package is not complete: install it again, from a tarball made by `npm pack` on this platform.')
  )
}

/** The executable and the addon of this platform; an error that says what is wrong if they are not here. */
function locate() {
  const candidates = present().filter(({ os, cpu }) => os === process.platform && cpu === process.arch)
  // With one candidate the C library is not looked up: that costs more than all the rest.
  const platform = candidates.length > 1 ? currentPlatform() : candidates[0]
  const files = platform && filesOf(platform)
  if (!files) throw Object.assign(new Error(explainMissing()), { code: 'RPM2_NOT_INSTALLED' })
  return { ...files, executable: process.env.RPM2_BINARY || files.executable }
}

module.exports = { filesOf, locate }
