'use strict'

/** The value below which a share of the numbers lies, linearly between the two nearest. */
function quantile(numbers, share) {
  const sorted = [...numbers].sort((one, other) => one - other)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)]
  return below + (sorted[Math.ceil(at)] - below) * (at % 1)
}

const median = (numbers) => quantile(numbers, 0.5)

/** The interquartile range as a share of the median; undefined where that says nothing. */
function spread(numbers) {
  const middle = numbers.length > 1 ? median(numbers) : 0
  return middle > 0 ? (quantile(numbers, 0.75) - quantile(numbers, 0.25)) / middle : undefined
}

/**
 * How many times the others the ones are: the median of the quotients within a round, for the machine is not the same
 * all the time. A round in which one of the two was not measured has none.
 */
function ratio(ones, others) {
  const quotients = ones.map((one, round) => one / others[round]).filter(Number.isFinite)
  return quotients.length > 0 ? median(quotients) : undefined
}

module.exports = { median, quantile, ratio, spread }
