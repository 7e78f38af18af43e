//! Which worker gets the next connection.

/// Connections that a worker may have been given and not yet answered: also how many a blocked worker can hold up.
pub(super) const SLOTS: usize = 8;

/// A worker that may be given a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) id: u32,
    /// Connections it has not answered yet.
    pub(super) in_flight: usize,
}

/// The candidate with the fewest unanswered connections, among equals the next in turn after `last`; `None` while
/// all have as many as they may.
pub(super) fn next(
    candidates: impl IntoIterator<Item = Candidate>,
    last: Option<u32>,
) -> Option<u32> {
    let start = last.map_or(0, |last| last.wrapping_add(1));
    candidates
        .into_iter()
        .filter(|candidate| candidate.in_flight < SLOTS)
        .min_by_key(|candidate| (candidate.in_flight, candidate.id.wrapping_sub(start)))
        .map(|candidate| candidate.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_worker() {
        type Workers<'a> = &'a [(u32, usize)];
        let table: [(Workers<'_>, Option<u32>, Option<u32>); 10] = [
            (&[], None, None),
            (&[(1, 0), (2, 0)], None, Some(1)),
            (&[(1, 0), (2, 0)], Some(1), Some(2)),
            (&[(1, 0), (2, 0)], Some(2), Some(1)),
            (&[(1, 0), (5, 0)], Some(3), Some(5)),
            (&[(1, 1), (2, 0), (3, 0)], Some(3), Some(2)),
            (&[(1, 0), (2, 7)], Some(1), Some(1)),
            (&[(1, 8), (2, 7)], Some(1), Some(2)),
            (&[(1, 8), (2, 8)], Some(1), None),
            (&[(1, 0), (2, 0)], Some(u32::MAX), Some(1)),
        ];
        for (workers, last, expected) in table {
            let candidates = workers
                .iter()
                .map(|&(id, in_flight)| Candidate { id, in_flight });
            assert_eq!(next(candidates, last), expected, "{workers:?} {last:?}");
        }
    }

    #[test]
    fn connections_that_are_answered_at_once_go_round() {
        let workers = || [3, 7, 9].map(|id| Candidate { id, in_flight: 0 });
        let mut last = None;
        let order: Vec<u32> = (0..6)
            .map(|_| {
                last = next(workers(), last);
                last.unwrap()
            })
            .collect();
        assert_eq!(order, [3, 7, 9, 3, 7, 9]);
    }
}
