'use strict'

// `npm run build`, and `prepare` of `npm install` in a clone: the release executable and addon into npm/<platform>/.
// `--debug` builds without optimisation, which is quicker. Cargo decides what is out of date. An installed tarball has both already and never comes here.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { filesOf } = require('../js/binaries')
const { currentPlatform } = require('../js/platforms')
const { writePlatform } = require('./platforms')

const root = path.join(__dirname, '..')
const profile = process.argv.includes('--debug') ? [] : ['--release']
const say = (text) => console.log(`rpm2: ${text}`)

function fail(text) {
  console.error(`rpm2: ${text}`)
  process.exit(1)
}

/** Cargo from PATH, else where rustup puts it for shells that have not been opened anew. */
function findCargo() {
  const usual = path.join(os.homedir(), '.cargo', 'bin', 'cargo')
  const runs = (cargo) => spawnSync(cargo, ['--version'], { stdio: 'ignore' }).status === 0
  return [process.env.CARGO, 'cargo', usual].find((cargo) => cargo && runs(cargo))
}

/** Where cargo puts what it builds: CARGO_TARGET_DIR and cargo's own settings may say. */
function targetFolder(cargo) {
  const args = ['metadata', '--format-version', '1', '--no-deps', '--locked', '--offline']
  const { status, stdout } = spawnSync(cargo, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  return status === 0 ? JSON.parse(stdout).target_directory : path.join(root, 'target')
}

function run(cargo, what, args) {
  say(`building ${what}`)
  const { status } = spawnSync(cargo, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) fail(`${what} could not be built: \`cargo ${args.join(' ')}\` failed; its reason is above.`)
}

/** Copies unless it is the same already: a running daemon keeps its file, and a new one takes its place at once. */
function copy(from, to) {
  if (fs.existsSync(to) && fs.readFileSync(from).equals(fs.readFileSync(to))) return
  const temporary = `${to}.${process.pid}`
  fs.copyFileSync(from, temporary)
  fs.chmodSync(temporary, 0o755)
  fs.renameSync(temporary, to)
}

function build(cargo, platform) {
  const onMac = platform.os === 'darwin'
  // On macOS the linker must be told that Node brings the addon's missing symbols.
  const linking = onMac ? ['--', '-C', 'link-arg=-undefined', '-C', 'link-arg=dynamic_lookup'] : []
  run(cargo, 'the executable', ['build', ...profile, '--locked', '--bin', 'rpm2'])
  const addon = ['rustc', ...profile, '--locked', '--lib', '--features', 'addon', '--crate-type', 'cdylib', ...linking]
  run(cargo, 'the addon', addon)
  const built = path.join(targetFolder(cargo), profile.length > 0 ? 'release' : 'debug')
  const files = filesOf(platform)
  writePlatform(platform)
  copy(path.join(built, 'rpm2'), files.executable)
  copy(path.join(built, onMac ? 'librpm2.dylib' : 'librpm2.so'), files.addon)
}

function main() {
  const platform = currentPlatform()
  if (!platform)
    fail(`${process.platform}-${process.arch} is not a platform rpm2 can be built for (see js/platforms.js).`)
  const { executable, addon } = filesOf(platform)
  const cargo = findCargo()
  if (!cargo && fs.existsSync(executable) && fs.existsSync(addon)) {
    say(`no Rust here; using the ${platform.triple} build that is there`)
    return
  }
  if (!cargo) {
    fail(
      'Rust is needed to build rpm2, and `cargo` was not found.\n' +
        "Install it with `curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh` (https://rustup.rs), then run this again.",
    )
  }
  build(cargo, platform)
  say(`ready: ${path.relative(root, executable)}`)
}

main()
