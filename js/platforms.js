'use strict'

/**
 * The platforms, in one table: everything that names a platform comes from here. `loader` is the file whose presence
 * tells the shell launcher, without a process of its own, that a program for this platform can run.
 */
const platforms = [
  { triple: 'linux-x64-gnu', os: 'linux', cpu: 'x64', libc: 'glibc', loader: '/lib64/ld-linux-x86-64.so.2' },
  { triple: 'linux-arm64-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc', loader: '/lib/ld-linux-aarch64.so.1' },
  { triple: 'linux-x64-musl', os: 'linux', cpu: 'x64', libc: 'musl', loader: '/lib/ld-musl-x86_64.so.1' },
  { triple: 'linux-arm64-musl', os: 'linux', cpu: 'arm64', libc: 'musl', loader: '/lib/ld-musl-aarch64.so.1' },
  { triple: 'darwin-x64', os: 'darwin', cpu: 'x64' },
  { triple: 'darwin-arm64', os: 'darwin', cpu: 'arm64' },
]

/** Which C library this Node was built for: an addon must match it. */
function libcOfNode() {
  const { report } = process
  // The network part of a report resolves host names, which may take seconds.
  const before = report.excludeNetwork
  report.excludeNetwork = true
  const { glibcVersionRuntime } = report.getReport().header
  report.excludeNetwork = before
  return glibcVersionRuntime ? 'glibc' : 'musl'
}

/** The platform this Node runs on, or `undefined` if it is not one of ours. */
function currentPlatform(os = process.platform, cpu = process.arch, libc = libcOfNode) {
  const fitting = platforms.filter((platform) => platform.os === os && platform.cpu === cpu)
  return fitting.length > 1 ? fitting.find((platform) => platform.libc === libc()) : fitting[0]
}

module.exports = { platforms, currentPlatform }
