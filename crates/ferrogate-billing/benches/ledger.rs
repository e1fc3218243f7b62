//! What a budget costs a call: `cargo bench -p ferrogate-billing --bench ledger`.
//!
//! Every thread charges the same four accounts, which is as hot as an account gets.

use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use ferrogate_billing::{
    AccountSpec, Attempt, CallFacts, Chain, Charge, Durability, JournalSettings, Ledger, OnExceed,
    OnStoreFailure, Period, Spend, Unit, Zone,
};
use ferrogate_types::{AccountId, Money, RequestId, Subject, Usage};

const NOW: Duration = Duration::from_secs(1_795_132_800);
const THREADS: [usize; 3] = [1, 2, 64];

fn main() {
    divan::main();
}

fn chain(ledger: &Ledger, accounts: usize) -> Arc<Chain> {
    let ids: Vec<AccountId> = (0..accounts)
        .map(|number| format!("account-{number}").parse().expect("a name"))
        .collect();
    let specs = ids.iter().map(|id| AccountSpec {
        id: id.clone(),
        subject: Subject::Global,
        unit: Unit::NanoDollars,
        limit: i64::MAX,
        period: Period::Month,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure: OnStoreFailure::Closed,
        shared: false,
    });
    ledger.book().define(specs, NOW);
    ledger.book().chain(ids.iter().take(4))
}

fn facts() -> Arc<CallFacts> {
    Arc::new(CallFacts {
        request_id: RequestId::from_random(7),
        key: "key_dev".parse().ok(),
        tenant: "acme".parse().ok(),
        user: None,
        model: "fast-chat".parse().expect("a name"),
        provider: "openai".parse().ok(),
        upstream_model: "gpt-4o-mini".parse().ok(),
        price: None,
    })
}

fn spend(nanos: i128) -> Spend {
    Spend {
        usage: Usage {
            input: 900,
            output: 100,
            ..Usage::default()
        },
        cost: Some(Money::from_nanos(nanos)),
    }
}

/// A whole life: held, settled, dropped.
fn live(bencher: Bencher<'_, '_>, ledger: &Ledger, accounts: usize) {
    let (chain, facts) = (chain(ledger, accounts), facts());
    bencher.bench(|| {
        let call = Arc::clone(&facts);
        let held = ledger.reserve(&chain, call, spend(2_000), Attempt::Asked, NOW);
        let charge = Charge {
            spend: spend(1_000),
            provider: None,
            upstream_model: None,
            price: None,
            estimated: false,
        };
        if let Ok(held) = held {
            held.settle(charge, NOW);
        }
    });
}

#[divan::bench(threads = THREADS)]
fn in_memory(bencher: Bencher<'_, '_>) {
    live(bencher, &Ledger::in_memory(), 4);
}

#[divan::bench(threads = THREADS)]
fn among_a_million_accounts(bencher: Bencher<'_, '_>) {
    live(bencher, &Ledger::in_memory(), 1_000_000);
}

#[divan::bench(threads = THREADS)]
fn with_a_journal(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = JournalSettings {
        durability: Durability::Queued,
        drained: false,
        ..JournalSettings::default()
    };
    let (ledger, _) = Ledger::open(folder.path(), &settings).expect("a journal");
    live(bencher, &ledger, 4);
}
