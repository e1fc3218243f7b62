//! Weighted choices as a race.

use std::cmp::Ordering;

use crate::Target;

/// How long a runner takes whose luck is any number; runners of twice the weight are twice as fast on average.
///
/// Where luck is drawn, the order of arrival is a draw by weight without replacement. Where it is a hash of runner and
/// key, the same runner wins for the same key, the share of keys it wins is its weight's, and a runner that comes or goes
/// moves only the keys it wins: rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit
/// rates", 1998), with times from an exponential distribution for its weights.
pub(super) fn time(luck: u64, weight: u32) -> f64 {
    // 53 bits are what a float has; the half keeps it off zero, whose logarithm is none.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let uniform = ((luck >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -uniform.ln() / f64::from(weight.max(1))
}

/// How long a target takes for a key.
pub(super) fn hashed(target: &Target, key: u64) -> f64 {
    let place = super::key::place(target);
    time(super::key::mix(place, key), target.routing().weight)
}

/// Puts runners in the order of their arrival.
pub(super) fn run(group: &mut [usize], mut time: impl FnMut(usize) -> f64) {
    let mut times: Vec<(f64, usize)> = group.iter().map(|&index| (time(index), index)).collect();
    times.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal));
    for (place, (_, index)) in group.iter_mut().zip(times) {
        *place = index;
    }
}

/// The place in the group of the one that arrives first.
pub(super) fn first(group: &[usize], time: impl Fn(usize) -> f64) -> Option<usize> {
    let times = group.iter().map(|&index| time(index)).enumerate();
    let first = times.min_by(|a, b| a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal));
    first.map(|(place, _)| place)
}
