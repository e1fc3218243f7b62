//! How values are spread.

use crate::traits::request_log::Percentiles;

impl Percentiles {
    /// Over these values.
    pub(super) fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let count = values.len();
        let rank = |percent: usize| {
            // The nearest rank: the smallest value with at least that share at or below it.
            let rank = (count * percent).div_ceil(100).max(1);
            values.get(rank - 1).copied().unwrap_or_default()
        };
        let sum: u128 = values.iter().map(|&value| u128::from(value)).sum();
        let mean = u64::try_from(count)
            .ok()
            .and_then(|count| sum.checked_div(count.into()))
            .and_then(|mean| u64::try_from(mean).ok());
        Self {
            count: count.try_into().unwrap_or(u64::MAX),
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: values.last().copied().unwrap_or_default(),
            mean: mean.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_nearest_rank() {
        let spread = Percentiles::of((1..=200).rev().collect());
        assert_eq!(
            (spread.p50, spread.p95, spread.p99, spread.max, spread.mean),
            (100, 190, 198, 200, 100)
        );
        assert_eq!(Percentiles::of(vec![7]).p50, 7);
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
    }
}
