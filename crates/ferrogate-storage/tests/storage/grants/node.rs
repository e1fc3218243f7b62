//! A node of a test: a ledger with its journal, and what keeps its grants.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_billing::{
    AccountSpec, Attempt, Chain, Charge, GrantKeeper, JournalSettings, Ledger, NodeId, OnExceed,
    OnStoreFailure, Period, Refusal, Reservation, Spend, Unit, Zone,
};
use ferrogate_storage::Redis;
use ferrogate_types::{Money, Usage};

use super::{ACCOUNT, LIMIT};
use crate::conformance::billing::call;

/// A node, until it is told to stop or dies.
pub(super) struct Node {
    ledger: Ledger,
    keeper: GrantKeeper<Redis>,
    chain: Arc<Chain>,
    now: Duration,
}

/// What a node's work came to.
#[derive(Default)]
pub(super) struct Work {
    /// What its calls really cost, those under way at their worst.
    pub(super) spent: i64,
    pub(super) refused: u32,
    /// Calls under way.
    pub(super) open: Vec<(Reservation, i64)>,
}

fn spec() -> AccountSpec {
    AccountSpec {
        id: ACCOUNT.parse().unwrap(),
        subject: ferrogate_types::Subject::Global,
        unit: Unit::NanoDollars,
        limit: LIMIT,
        period: Period::Total,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure: OnStoreFailure::Closed,
        shared: true,
    }
}

fn spend(nanos: i64) -> Spend {
    Spend {
        usage: Usage::default(),
        cost: Some(Money::from_nanos(nanos.into())),
    }
}

pub(super) fn charge(nanos: i64) -> Charge {
    Charge {
        spend: spend(nanos),
        provider: None,
        upstream_model: None,
        price: None,
        estimated: false,
    }
}

impl Node {
    /// The node of a folder, as it was left; `clock` is what its own clock says.
    pub(super) fn open(folder: &Path, redis: Redis, now: Duration, clock: Duration) -> Self {
        let (ledger, _) = Ledger::open(folder, &JournalSettings::default()).unwrap();
        ledger.book().define([spec()], now);
        Self {
            chain: ledger.book().chain([&spec().id]),
            keeper: GrantKeeper::new(&ledger, Arc::new(redis), ledger.node(), clock),
            ledger,
            now,
        }
    }

    pub(super) fn id(&self) -> NodeId {
        self.ledger.node()
    }

    /// What it has spent and holds, by its own books.
    pub(super) fn committed(&self) -> i64 {
        let state = self.ledger.book().state(&spec().id, self.now).unwrap();
        state.spent + state.reserved
    }

    /// Looks after its grants once.
    pub(super) async fn look(&self) {
        self.keeper.look(self.now).await.unwrap();
    }

    /// Makes random calls, one after the other.
    pub(super) async fn work(&self, seed: u64, calls: usize) -> Work {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut work = Work::default();
        for _ in 0..calls {
            let mut worst = random.i64(1..900);
            let reserved = self
                .keeper
                .reserve(
                    &self.chain,
                    &call(),
                    &spend(worst),
                    Attempt::Asked,
                    self.now,
                )
                .await;
            let mut reservation = match reserved {
                Ok(reservation) => reservation,
                Err(Refusal::Exhausted(_)) => {
                    work.refused += 1;
                    continue;
                }
                Err(refusal) => panic!("{refusal}"),
            };
            reservation.recorded().await.unwrap();
            if random.u8(0..4) == 0 {
                let more = spend(worst * 2);
                let grown = self.keeper.top_up(&mut reservation, &more).await;
                worst *= if grown.is_ok() { 2 } else { 1 };
            }
            if random.u8(0..8) == 0 {
                self.look().await;
            }
            match random.u8(0..8) {
                0 => reservation.release(),
                1 => {
                    work.spent += worst;
                    work.open.push((reservation, worst));
                }
                _ => {
                    let used = random.i64(0..=worst);
                    work.spent += used;
                    reservation.settle(charge(used), self.now);
                }
            }
        }
        work
    }
}
