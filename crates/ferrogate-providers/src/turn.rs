//! Turns in proportion to weights, spread evenly.

/// Smooth weighted round robin: with weights 3 and 1 the turns go a a b a, not a a a b.
///
/// At each turn every candidate gains its weight, and the one that has most pays what all of them gained together. Those
/// who are no candidates for a while neither gain nor pay, so nobody has a flood of turns to catch up on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Vec<i64>);

impl Turns {
    /// Whose turn it is among candidates with their weights; the first one of equals. A weight of 0 counts as 1.
    pub(crate) fn next(&mut self, candidates: impl Iterator<Item = (usize, u32)>) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for (index, weight) in candidates {
            if self.0.len() <= index {
                self.0.resize(index + 1, 0);
            }
            let weight = i64::from(weight.max(1));
            total += weight;
            let score = self.0[index].saturating_add(weight);
            self.0[index] = score;
            if best.is_none_or(|(_, most)| score > most) {
                best = Some((index, score));
            }
        }
        let (index, _) = best?;
        self.0[index] = self.0[index].saturating_sub(total);
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turns(weights: &[u32], count: usize) -> Vec<usize> {
        let mut turns = Turns::default();
        let next = |_| turns.next(weights.iter().copied().enumerate()).unwrap();
        (0..count).map(next).collect()
    }

    #[test]
    fn spreads_turns_evenly() {
        assert_eq!(turns(&[1, 1, 1], 6), [0, 1, 2, 0, 1, 2]);
        assert_eq!(turns(&[3, 1], 8), [0, 0, 1, 0, 0, 0, 1, 0]);
        // The example of nginx's `ngx_http_upstream_round_robin.c`: a a b a c a a.
        assert_eq!(turns(&[5, 1, 1], 7), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(Turns::default().next(std::iter::empty()), None);
    }

    #[test]
    fn who_was_away_has_nothing_to_catch_up_on() {
        let mut turns = Turns::default();
        for _ in 0..100 {
            turns.next([(0, 1)].into_iter());
        }
        let both = || [(0, 1), (1, 1)].into_iter();
        let later: Vec<usize> = (0..4).map(|_| turns.next(both()).unwrap()).collect();
        assert_eq!(later, [0, 1, 0, 1]);
    }

    proptest! {
        #[test]
        fn every_round_is_fair(weights in prop::collection::vec(1..50_u32, 1..6)) {
            let round = weights.iter().sum::<u32>() as usize;
            let taken = turns(&weights, round * 2);
            for part in taken.chunks(round) {
                for (index, &weight) in weights.iter().enumerate() {
                    let count = part.iter().filter(|&&turn| turn == index).count();
                    prop_assert_eq!(count, weight as usize);
                }
            }
        }
    }
}
