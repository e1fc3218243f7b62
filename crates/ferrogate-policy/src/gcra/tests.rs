use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Ticks {
    to_ticks(Duration::from_millis(millis))
}

fn gcra(limit: u64) -> Gcra {
    Gcra::new(&Quota::per_minute(limit))
}

#[test]
fn any_limit_can_be_used_at_once_and_to_the_last_one() {
    for limit in [1, 3, 7, 59, 60, 61, 999_983, 1_000_000_007] {
        let gcra = gcra(limit);
        assert!(gcra.take(limit, at(5)).is_ok(), "{limit}");
        assert_eq!(gcra.state(at(5)).remaining, 0, "{limit}");
        assert!(matches!(gcra.take(1, at(5)), Err(Short::For(_))), "{limit}");
        assert_eq!(gcra.take(limit + 1, at(5)), Err(Short::Forever), "{limit}");
    }
}

#[test]
fn a_limit_of_zero_admits_nothing() {
    assert_eq!(gcra(0).take(1, at(0)), Err(Short::Forever));
}

#[test]
fn a_quota_may_have_a_window_and_a_burst_of_its_own() {
    let quota = Quota::new(20, Duration::from_secs(1)).with_burst(40);
    let gcra = Gcra::new(&quota);
    assert!(gcra.take(40, 0).is_ok());
    assert_eq!(gcra.take(1, 0), Err(Short::For(Duration::from_millis(50))));
    assert!(gcra.take(1, at(50)).is_ok());
}

#[test]
fn what_is_given_back_at_once_was_never_taken() {
    let gcra = gcra(10);
    let taken = gcra.take(10, at(0)).unwrap();
    gcra.refund(&taken, 10, at(0));
    assert_eq!(gcra.state(at(0)).remaining, 10);
}

#[test]
fn what_leaked_out_meanwhile_is_not_given_back() {
    let gcra = gcra(60);
    let first = gcra.take(10, at(0)).unwrap();
    gcra.take(60, at(20_000)).unwrap();
    gcra.refund(&first, 10, at(20_000));
    assert!(gcra.take(1, at(20_000)).is_err());
}

/// Two takings lie on one another in the bucket; the lower one leaks out together with what the upper one gives back.
#[test]
fn two_refunds_do_not_give_back_the_same_time() {
    let gcra = gcra(60);
    let lower = gcra.take(10, at(0)).unwrap();
    let upper = gcra.take(10, at(0)).unwrap();
    gcra.refund(&lower, 10, at(0));
    gcra.take(60, at(10_000)).unwrap();
    gcra.refund(&upper, 10, at(10_000));
    assert!(gcra.take(1, at(10_000)).is_err());
}

#[test]
fn a_debt_is_worked_off() {
    let gcra = gcra(60);
    gcra.charge(120, at(0));
    assert!(gcra.take(1, at(60_000)).is_err());
    assert!(gcra.take(1, at(61_000)).is_ok());
}

#[derive(Debug, Clone)]
struct Step {
    gap: u64,
    amount: u64,
    used: u64,
    settle_after: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u64..4_000, 1_u64..20, 0_u64..20, 0_usize..6).prop_map(
        |(gap, amount, used, settle_after)| Step {
            gap,
            amount,
            used: used.min(amount),
            settle_after,
        },
    );
    proptest::collection::vec(step, 1..120)
}

proptest! {
    /// Between any two moments no more is used than the burst and what the rate grants between them, whatever was
    /// given back and when.
    #[test]
    fn never_admits_more_than_the_quota(limit in 20_u64..120, steps in steps()) {
        let gcra = gcra(limit);
        let mut now = at(1);
        let mut open: Vec<(usize, Taken, Step)> = Vec::new();
        let mut used: Vec<(Ticks, u64)> = Vec::new();
        for (index, step) in steps.into_iter().enumerate() {
            now += at(step.gap);
            open.retain(|(settle, taken, step)| {
                let due = *settle <= index;
                if due {
                    gcra.refund(taken, step.amount - step.used, now);
                }
                !due
            });
            if let Ok(taken) = gcra.take(step.amount, now) {
                used.push((now, step.used));
                open.push((index + step.settle_after, taken, step));
            }
        }
        for (first, &(begin, _)) in used.iter().enumerate() {
            let mut sum = 0;
            for &(end, amount) in &used[first..] {
                sum += amount;
                prop_assert!(sum * gcra.interval <= gcra.brim + (end - begin));
            }
        }
    }
}

#[test]
fn many_threads_take_no_more_than_there_is() {
    let gcra = gcra(1000);
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for turn in 0..400 {
                    if let Ok(taken) = gcra.take(1, at(1)) {
                        if turn % 2 == 0 {
                            gcra.refund(&taken, 1, at(1));
                        } else {
                            admitted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    assert!(admitted.load(Ordering::Relaxed) <= 1000);
    let left = gcra.state(at(1)).remaining;
    assert_eq!(admitted.load(Ordering::Relaxed) + left, 1000);
}
