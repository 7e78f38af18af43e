//! The known name nearest to a misspelt one.

/// The name in `known` that `word` most likely means: at most two letters added, left out, changed or swapped (one in
/// words of up to four letters), case and `_`, `-` aside.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| -> Vec<char> {
        text.chars()
            .filter(|c| !matches!(c, '_' | '-'))
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(word);
    // A name longer than any attribute is not a misspelling; the distance costs length times length.
    if wanted.len() > 64 {
        return None;
    }
    let limit = if wanted.len() <= 4 { 1 } else { 2 };
    known
        .map(|name| (distance(&wanted, &plain(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Edits between two words, a swap of neighbours counting once.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_name_and_strangers_none() {
        let known = ["max_restarts", "exec_mode", "instances", "cwd", "watch"];
        let find = |word| nearest(word, known.into_iter());
        assert_eq!(find("max_restart"), Some("max_restarts"));
        assert_eq!(find("maxRestart"), Some("max_restarts"));
        assert_eq!(find("max-restarts"), Some("max_restarts"));
        assert_eq!(find("instnaces"), Some("instances"));
        assert_eq!(find("cdw"), Some("cwd"));
        assert_eq!(find("bogus"), None);
        assert_eq!(find(&"x".repeat(1000)), None);
    }
}
