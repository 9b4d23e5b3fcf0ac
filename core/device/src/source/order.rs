//! Which times follow one another, and which one is out of line.
//!
//! A recorder numbers its pictures as it takes them, so names tell the order and times are checked against it: the longest
//! rising series stands, what falls out of it is wrong. So one bad time costs one frame and not all that follow. Where fewer
//! than half of the times rise, the names were not given in order, and the times are believed.

/// Marks the longest strictly rising series; of several, the one that keeps the earlier names: what goes back is wrong, not
/// what it went back behind.
pub(super) fn rising(times: &[i64]) -> Vec<bool> {
    // heads[k]: the greatest first time of a rising series of k + 1 times among those looked at, from the end.
    let mut heads: Vec<i64> = Vec::new();
    let mut lengths = vec![0; times.len()];
    for (i, time) in times.iter().enumerate().rev() {
        let after = heads.partition_point(|head| head > time);
        match heads.get_mut(after) {
            Some(head) => *head = (*head).max(*time),
            None => heads.push(*time),
        }
        lengths[i] = after + 1;
    }
    let (mut wanted, mut last) = (heads.len(), None);
    let stands = times.iter().zip(lengths).map(|(time, length)| {
        let stands = length == wanted && last.is_none_or(|last| last < *time);
        if stands {
            (wanted, last) = (wanted - 1, Some(*time));
        }
        stands
    });
    stands.collect()
}

/// The order in which items given by name are played, as indices, and whether the time of each stands.
pub(super) fn played(times: &[i64]) -> Vec<(usize, bool)> {
    let by_name = rising(times);
    let standing = by_name.iter().filter(|stands| **stands).count();
    if standing * 2 >= times.len() {
        return by_name.into_iter().enumerate().collect();
    }
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|i| times[*i]);
    let sorted: Vec<i64> = order.iter().map(|i| times[*i]).collect();
    order.into_iter().zip(rising(&sorted)).collect()
}
