//! Which times follow one another, and which one is out of line.
//!
//! A recorder numbers its pictures as it takes them, so names tell the order and times are checked against it: the longest
//! rising series stands, what falls out of it is wrong. So one bad time costs one frame and not all that follow. Where fewer
//! than half of the times rise, the names were not given in order, and the times are believed.

/// Marks the longest strictly rising series; of several, the one that ends lowest, and of equal times the first.
pub(super) fn rising(times: &[i64]) -> Vec<bool> {
    // ends[k]: index of the lowest end of a rising series of k + 1 times; before[i]: what comes before i in its series.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(times.len());
    for (i, time) in times.iter().enumerate() {
        let length = ends.partition_point(|end| times[*end] < *time);
        before.push(length.checked_sub(1).map(|last| ends[last]));
        if length == ends.len() {
            ends.push(i);
        } else if *time < times[ends[length]] {
            ends[length] = i;
        }
    }
    let mut stands = vec![false; times.len()];
    let mut next = ends.last().copied();
    while let Some(i) = next {
        stands[i] = true;
        next = before[i];
    }
    stands
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
