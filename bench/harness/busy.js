'use strict'

/** How much longer the calibration may take than at its best before the machine counts as busy with something else. */
const TOLERANCE = 1.25

/** The note of a figure during which it was. */
const BUSY = 'the machine was busy with something else'

/** Whether somebody else worked here when a figure began or ended, as the calibration tells. */
const isBusy = ({ before, after }, best) => Math.max(before, after) > best * TOLERANCE

module.exports = { BUSY, isBusy }
