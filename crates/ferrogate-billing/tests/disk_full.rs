//! A disk that takes no more, and takes more again.
//!
//! The process limits the size of its own files, which is how a full disk looks to the journal. The kernel kills a
//! process that exceeds that limit unless it ignores the signal, and only a parent can set that up without unsafe code:
//! the test runs itself again under a shell that does.

#![cfg(not(ferrogate_loom))]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_billing::{
    AccountSpec, Attempt, CallFacts, Chain, Charge, Durability, JournalSettings, Ledger, OnExceed,
    OnStoreFailure, Period, Refusal, Reservation, Spend, Unit, Zone,
};
use ferrogate_types::{AccountId, Money, RequestId, Subject, Usage};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const UNDER_SHELL: &str = "FERROGATE_DISK_FULL";
const NOW: Duration = Duration::from_secs(1_795_132_800);

fn dollars(nanos: i128) -> Spend {
    Spend {
        usage: Usage::default(),
        cost: Some(Money::from_nanos(nanos)),
    }
}

fn open(folder: &Path) -> (Ledger, Arc<Chain>) {
    let settings = JournalSettings {
        durability: Durability::Written,
        ..JournalSettings::default()
    };
    let (ledger, recovery) = Ledger::open(folder, &settings).unwrap();
    assert_eq!((recovery.uncertain, recovery.damaged_bytes), (0, 0));
    let id: AccountId = "key".parse().unwrap();
    let spec = AccountSpec {
        id: id.clone(),
        subject: Subject::Global,
        unit: Unit::NanoDollars,
        limit: 1_000,
        period: Period::Total,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure: OnStoreFailure::Closed,
        shared: false,
    };
    ledger.book().define([spec], NOW);
    let chain = ledger.book().chain([&id]);
    (ledger, chain)
}

async fn reserve(ledger: &Ledger, chain: &Arc<Chain>, nanos: i128) -> Result<Reservation, Refusal> {
    let facts = CallFacts {
        request_id: RequestId::from_random(1),
        key: None,
        tenant: None,
        user: None,
        model: "fast".parse().unwrap(),
        provider: None,
        upstream_model: None,
        price: None,
    };
    let mut call = ledger.reserve(chain, Arc::new(facts), dollars(nanos), Attempt::Asked, NOW)?;
    call.recorded().await?;
    Ok(call)
}

fn settle(call: Reservation, nanos: i128) {
    let charge = Charge {
        spend: dollars(nanos),
        provider: None,
        upstream_model: None,
        price: None,
        estimated: false,
    };
    call.settle(charge, NOW);
}

fn limit_files(to: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit {
        current: to,
        maximum,
    };
    setrlimit(Resource::Fsize, limit).unwrap();
}

async fn wait_until(failing: bool, ledger: &Ledger) {
    let turned = async {
        while ledger.health().journal.unwrap().failing != failing {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), turned)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_calls_and_loses_no_charge() {
    if std::env::var_os(UNDER_SHELL).is_none() {
        let script = "trap '' XFSZ; exec \"$0\" --nocapture";
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script])
            .arg(std::env::current_exe().unwrap());
        let ended = shell.env(UNDER_SHELL, "1").output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{told}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ledger, chain) = open(folder.path());
    let under_way = reserve(&ledger, &chain, 100).await.unwrap();
    limit_files(Some(400));
    let mut served = 0;
    let refusal = loop {
        match reserve(&ledger, &chain, 10).await {
            Ok(call) => {
                settle(call, 10);
                served += 10;
            }
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, Refusal::Unavailable(_)), "{refusal}");
    settle(under_way, 70);
    wait_until(true, &ledger).await;
    let refusal = reserve(&ledger, &chain, 10).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Unavailable(_)), "{refusal}");
    let state = &chain.states(NOW)[0];
    assert_eq!(
        (state.spent, state.reserved),
        (served + 70, 0),
        "what is refused holds nothing"
    );
    limit_files(None);
    wait_until(false, &ledger).await;
    settle(reserve(&ledger, &chain, 10).await.unwrap(), 5);
    assert_eq!(chain.states(NOW)[0].spent, served + 75);
    drop((ledger, chain));
    let (_ledger, chain) = open(folder.path());
    assert_eq!(chain.states(NOW)[0].spent, served + 75);
}
