//! Every interleaving of the reservation core, for a few threads. Run with
//! `RUSTFLAGS="--cfg ferrogate_loom" cargo test -p ferrogate-billing --release --lib --target-dir target/loom model`.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::{Subject, Usage};
use loom::thread;

use super::{Attempt, Chain};
use crate::balance::Account;
use crate::{AccountSpec, OnExceed, OnStoreFailure, Period, Spend, Unit, Zone};

const NOW: Duration = Duration::from_secs(1_795_132_800);

fn tokens(total: u64) -> Spend {
    Spend {
        usage: Usage {
            input: total,
            ..Usage::default()
        },
        cost: None,
    }
}

fn account(ordinal: u64, limit: i64) -> Arc<Account> {
    let id: ferrogate_types::AccountId = format!("account-{ordinal}").parse().unwrap();
    let account = Account::new(ordinal, id.clone(), Unit::Tokens);
    let spec = AccountSpec {
        id,
        subject: Subject::Global,
        unit: Unit::Tokens,
        limit,
        period: Period::Total,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure: OnStoreFailure::Closed,
        shared: false,
    };
    account.lock().define(Arc::new(spec), NOW);
    Arc::new(account)
}

/// What a thread does with its call.
#[derive(Clone, Copy)]
enum Life {
    Settles { held: u64, used: u64 },
    Grows { held: u64, total: u64 },
    Leaves { held: u64 },
}

impl Life {
    /// What it spends in the end.
    fn live(self, chain: &Arc<Chain>) -> u64 {
        let reserve = |held| chain.reserve(&tokens(held), Attempt::Asked, NOW);
        match self {
            Self::Settles { held, used } => match reserve(held) {
                Ok((hold, _)) => {
                    hold.close(Some(&tokens(used)));
                    used
                }
                Err(_) => 0,
            },
            Self::Grows { held, total } => match reserve(held) {
                Ok((mut hold, _)) => {
                    let used = if hold.top_up(&tokens(total)).is_ok() {
                        total
                    } else {
                        held
                    };
                    hold.close(Some(&tokens(used)));
                    used
                }
                Err(_) => 0,
            },
            Self::Leaves { held } => {
                if let Ok((hold, _)) = reserve(held) {
                    hold.close(None);
                }
                0
            }
        }
    }
}

/// Two accounts, named in opposite orders by two of the three callers.
fn check(lives: [Life; 3]) {
    loom::model(move || {
        const LIMIT: i64 = 10;
        let (a, b) = (account(1, LIMIT), account(2, LIMIT));
        let chains = [
            Arc::new(Chain::new(vec![Arc::clone(&a), Arc::clone(&b)])),
            Arc::new(Chain::new(vec![Arc::clone(&b), Arc::clone(&a)])),
            Arc::new(Chain::new(vec![Arc::clone(&b)])),
        ];
        let [first, second, third] =
            [0, 1, 2].map(|index| (Arc::clone(&chains[index]), lives[index]));
        let threads = [second, third].map(|(chain, life)| thread::spawn(move || life.live(&chain)));
        let of_first = first.1.live(&first.0);
        let [of_second, of_third] = threads.map(|thread| thread.join().unwrap());
        for (account, spent) in [
            (a, of_first + of_second),
            (b, of_first + of_second + of_third),
        ] {
            let mut balances = account.lock();
            let current = balances.current();
            assert_eq!(
                current.spent,
                i64::try_from(spent).unwrap(),
                "all that was used, once"
            );
            assert_eq!((current.reserved, current.holds), (0, 0), "nothing leaks");
            assert!(current.spent <= LIMIT, "nothing is overspent");
        }
    });
}

#[test]
fn calls_that_settle() {
    check([
        Life::Settles { held: 6, used: 6 },
        Life::Settles { held: 6, used: 5 },
        Life::Settles { held: 4, used: 4 },
    ]);
}

#[test]
fn a_call_that_grows_among_others() {
    check([
        Life::Grows { held: 3, total: 7 },
        Life::Grows { held: 4, total: 8 },
        Life::Settles { held: 3, used: 3 },
    ]);
}

#[test]
fn a_call_that_leaves_among_others() {
    check([
        Life::Leaves { held: 10 },
        Life::Grows { held: 5, total: 10 },
        Life::Settles { held: 5, used: 1 },
    ]);
}
