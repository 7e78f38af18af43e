//! Which worker gets the next connection.

/// Connections that a worker may have been given and not yet answered: also how many a blocked worker can hold up.
pub(super) const SLOTS: usize = 8;

/// A worker that may be given a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) id: u32,
    /// Connections it has not answered yet.
    pub(super) in_flight: usize,
    /// Connections it has open beside those, where that matters; else none.
    pub(super) open: usize,
}

/// The candidate with the fewest connections, open or unanswered, among equals the next in turn after `last`; `None` while
/// all have as many as they may.
pub(super) fn next(
    candidates: impl IntoIterator<Item = Candidate>,
    last: Option<u32>,
) -> Option<u32> {
    let start = last.map_or(0, |last| last.wrapping_add(1));
    candidates
        .into_iter()
        .filter(|candidate| candidate.in_flight < SLOTS)
        .min_by_key(|candidate| {
            (
                candidate.open + candidate.in_flight,
                candidate.id.wrapping_sub(start),
            )
        })
        .map(|candidate| candidate.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number, unanswered, open.
    type Workers<'a> = &'a [(u32, usize, usize)];

    fn next_of(workers: Workers<'_>, last: Option<u32>) -> Option<u32> {
        let candidates = workers.iter().map(|&(id, in_flight, open)| Candidate {
            id,
            in_flight,
            open,
        });
        next(candidates, last)
    }

    #[test]
    fn the_next_worker() {
        let table: [(Workers<'_>, Option<u32>, Option<u32>); 15] = [
            (&[], None, None),
            (&[(1, 0, 0), (2, 0, 0)], None, Some(1)),
            (&[(1, 0, 0), (2, 0, 0)], Some(1), Some(2)),
            (&[(1, 0, 0), (2, 0, 0)], Some(2), Some(1)),
            (&[(1, 0, 0), (5, 0, 0)], Some(3), Some(5)),
            (&[(1, 1, 0), (2, 0, 0), (3, 0, 0)], Some(3), Some(2)),
            (&[(1, 0, 0), (2, 7, 0)], Some(1), Some(1)),
            (&[(1, 8, 0), (2, 7, 0)], Some(1), Some(2)),
            (&[(1, 8, 0), (2, 8, 0)], Some(1), None),
            (&[(1, 0, 0), (2, 0, 0)], Some(u32::MAX), Some(1)),
            // Those that are open count, too.
            (&[(1, 0, 3), (2, 0, 2)], Some(1), Some(2)),
            (&[(1, 0, 3), (2, 0, 2)], Some(2), Some(2)),
            (&[(1, 0, 3), (2, 1, 2)], Some(1), Some(2)),
            (&[(1, 0, 3), (2, 2, 2)], Some(1), Some(1)),
            (&[(1, 0, 1000), (2, 8, 0)], Some(2), Some(1)),
        ];
        for (workers, last, expected) in table {
            assert_eq!(next_of(workers, last), expected, "{workers:?} {last:?}");
        }
    }

    #[test]
    fn connections_that_are_answered_at_once_go_round() {
        let mut last = None;
        let order: Vec<u32> = (0..6)
            .map(|_| {
                last = next_of(&[(3, 0, 0), (7, 0, 0), (9, 0, 0)], last);
                last.unwrap()
            })
            .collect();
        assert_eq!(order, [3, 7, 9, 3, 7, 9]);
    }

    #[test]
    fn the_one_with_fewer_gets_all_until_it_has_as_many() {
        let mut open = [5, 0];
        let order: Vec<u32> = (0..8)
            .map(|_| {
                let next = next_of(&[(0, 0, open[0]), (1, 0, open[1])], None).unwrap();
                open[next as usize] += 1;
                next
            })
            .collect();
        assert_eq!(order, [1, 1, 1, 1, 1, 0, 1, 0]);
    }
}
