use ferrogate_types::{Money, RequestId, Subject, Usage};

use super::*;
use crate::{AccountSpec, Charge, Durability, OnExceed, OnStoreFailure, Period, Unit, Zone};

/// 20 November 2026, 00:00 UTC.
pub(crate) const NOW: Duration = Duration::from_secs(1_795_132_800);

pub(crate) fn spec(id: &str, limit: i64) -> AccountSpec {
    AccountSpec {
        id: id.parse().unwrap(),
        subject: Subject::Global,
        unit: Unit::NanoDollars,
        limit,
        period: Period::Day,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure: OnStoreFailure::Closed,
        shared: false,
    }
}

pub(crate) fn call() -> Arc<CallFacts> {
    Arc::new(CallFacts {
        request_id: RequestId::from_random(7),
        key: None,
        tenant: None,
        user: None,
        model: "fast".parse().unwrap(),
        provider: None,
        upstream_model: None,
        price: None,
    })
}

pub(crate) fn dollars(nanos: i128) -> Spend {
    Spend {
        usage: Usage::default(),
        cost: Some(Money::from_nanos(nanos)),
    }
}

pub(crate) fn charge(nanos: i128) -> Charge {
    Charge {
        spend: dollars(nanos),
        provider: "openai".parse().ok(),
        upstream_model: None,
        price: None,
        estimated: false,
    }
}

pub(crate) struct Fixture {
    pub(crate) ledger: Ledger,
    pub(crate) recovery: Recovery,
    pub(crate) chain: Arc<Chain>,
}

const IDS: [&str; 2] = ["key", "team"];

pub(crate) fn open(folder: &Path, settings: &JournalSettings) -> Fixture {
    let (ledger, recovery) = Ledger::open(folder, settings).unwrap();
    ledger.book().define(IDS.map(|id| spec(id, 100)), NOW);
    let ids: Vec<AccountId> = IDS.iter().map(|id| id.parse().unwrap()).collect();
    let chain = ledger.book().chain(&ids);
    Fixture {
        ledger,
        recovery,
        chain,
    }
}

impl Fixture {
    pub(crate) fn reserve(&self, nanos: i128) -> Result<Reservation, Refusal> {
        self.ledger
            .reserve(&self.chain, call(), dollars(nanos), Attempt::Asked, NOW)
    }

    /// Spent and reserved, which are the same in all accounts.
    pub(crate) fn stands(&self) -> (i64, i64) {
        let states = self.chain.states(NOW);
        let pairs: Vec<_> = states
            .iter()
            .map(|state| (state.spent, state.reserved))
            .collect();
        assert_eq!(pairs, [pairs[0]; 2]);
        pairs[0]
    }
}

pub(crate) fn flushed() -> JournalSettings {
    JournalSettings {
        durability: Durability::Flushed,
        ..JournalSettings::default()
    }
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = flushed();
    let first = open(folder.path(), &settings);
    let mut settled = first.reserve(50).unwrap();
    settled.recorded().await.unwrap();
    settled.settle(charge(20), NOW);
    drop(first.reserve(50).unwrap());
    let mut left = first.reserve(30).unwrap();
    left.owe(charge(7), NOW);
    drop(left);
    assert_eq!(first.stands(), (27, 0));
    drop((first.chain, first.ledger));
    let second = open(folder.path(), &settings);
    assert_eq!(second.stands(), (27, 0));
    assert_eq!((second.recovery.records, second.recovery.uncertain), (6, 0));
    assert!(second.reserve(74).is_err());
}

#[tokio::test]
async fn a_call_that_was_under_way_is_charged_as_uncertain_until_settled_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), &flushed());
    let mut lost = first.reserve(30).unwrap();
    lost.top_up(&dollars(40)).unwrap();
    lost.recorded().await.unwrap();
    let id = lost.id();
    let calls = first.ledger.reservations(&"team".parse().unwrap()).await;
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].id, calls[0].held.amount), (id, 40));
    // As a crash would: nothing of it is ended.
    std::mem::forget(lost);
    drop(first);
    // The forgotten call keeps the first ledger alive, and with it the lock; a second one reads a copy.
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let second = open(copy.path(), &flushed());
    assert_eq!(second.recovery.uncertain, 1);
    assert_eq!(second.stands(), (40, 0));
    let journal = second.ledger.journal().unwrap();
    let events = journal.tail().read(journal.durable(), 10).unwrap().events;
    assert_eq!((events.len(), events[0].id), (1, id));
    assert!(matches!(&events[0].kind, EventKind::Charged(event) if event.uncertain));
    let adjustment = Adjustment {
        of: id,
        actual: Some(dollars(5)),
        reason: "the provider's bill".into(),
    };
    let differences = events[0].differences(&dollars(5));
    second.ledger.adjust(adjustment, differences, NOW).unwrap();
    assert_eq!(second.stands(), (5, 0));
    drop((second.ledger, second.chain));
    let third = open(copy.path(), &flushed());
    assert_eq!((third.stands(), third.recovery.uncertain), ((5, 0), 0));
}

#[tokio::test]
async fn many_files_end_up_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let settings = JournalSettings {
        segment_bytes: 2_000,
        drained: false,
        ..flushed()
    };
    let first = open(folder.path(), &settings);
    let held = first.reserve(10).unwrap();
    for _ in 0..60 {
        let mut call = first.reserve(1).unwrap();
        call.recorded().await.unwrap();
        call.settle(charge(1), NOW);
    }
    held.settle(charge(3), NOW);
    drop((first.chain, first.ledger));
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    assert!(files() <= 4, "{} files", files());
    let second = open(folder.path(), &settings);
    assert_eq!(second.stands(), (63, 0));
    assert!(
        second.recovery.records < 122,
        "a checkpoint stands for what is older"
    );
}

#[test]
fn as_many_calls_are_open_as_the_queue_has_slots_for() {
    let folder = tempfile::tempdir().unwrap();
    let settings = JournalSettings {
        slots: 4,
        ..flushed()
    };
    let ledger = open(folder.path(), &settings);
    let mut held = Vec::new();
    let refusal = loop {
        match ledger.reserve(1) {
            Ok(call) => held.push(call),
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, Refusal::Unavailable(_)));
    let open = i64::try_from(held.len()).unwrap();
    assert!((2..=4).contains(&open));
    assert_eq!(ledger.stands(), (0, open), "what was refused holds nothing");
    for call in held {
        call.settle(charge(1), NOW);
    }
    assert_eq!(ledger.stands(), (open, 0));
}

#[test]
fn what_cannot_be_recorded_is_served_where_a_budget_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let settings = JournalSettings {
        slots: 1,
        ..flushed()
    };
    let (ledger, _) = Ledger::open(folder.path(), &settings).unwrap();
    let open = AccountSpec {
        on_store_failure: OnStoreFailure::Open,
        ..spec("key", 100)
    };
    ledger.book().define([open], NOW);
    let chain = ledger.book().chain([&"key".parse().unwrap()]);
    let call = ledger
        .reserve(&chain, call(), dollars(10), Attempt::Asked, NOW)
        .unwrap();
    call.settle(charge(10), NOW);
    assert_eq!(ledger.health().unrecorded, 1);
    assert_eq!(chain.states(NOW)[0].spent, 10);
}

#[test]
fn a_second_process_waits_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), &flushed());
    assert!(matches!(
        Ledger::open(folder.path(), &flushed()),
        Err(JournalError::Locked(_))
    ));
    drop(first);
    drop(open(folder.path(), &flushed()));
}

#[tokio::test]
async fn a_hand_over_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let settings = JournalSettings {
        lock_wait: Duration::from_secs(20),
        ..flushed()
    };
    let old = open(folder.path(), &settings);
    old.reserve(10).unwrap().settle(charge(10), NOW);
    let (ends, lives) = (old.reserve(20).unwrap(), old.reserve(30).unwrap());
    let mut grows = old.reserve(5).unwrap();
    old.ledger.hand_over();
    let new = open(folder.path(), &settings);
    assert_eq!((new.recovery.uncertain, new.recovery.elsewhere), (0, 3));
    assert_eq!(
        new.stands(),
        (10, 55),
        "what the old process holds is held here"
    );
    assert!(new.reserve(36).is_err());
    assert!(matches!(old.reserve(1), Err(Refusal::Unavailable(_))));
    assert!(matches!(
        grows.top_up(&dollars(6)),
        Err(Refusal::Unavailable(_))
    ));
    grows.release();
    ends.settle(charge(15), NOW);
    new.wait_for((25, 30)).await;
    drop(lives);
    new.wait_for((25, 0)).await;
    let mut fresh = new.reserve(75).unwrap();
    fresh.recorded().await.unwrap();
    fresh.settle(charge(75), NOW);
    drop(old);
    drop((new.ledger, new.chain));
    let next = open(folder.path(), &settings);
    assert_eq!((next.stands(), next.recovery.uncertain), ((100, 0), 0));
    let left = std::fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().contains("outbox")),
        "{names:?}"
    );
}

impl Fixture {
    /// Waits until the balances are so, which another process's file brings about.
    async fn wait_for(&self, stands: (i64, i64)) {
        tokio::time::timeout(Duration::from_secs(20), async {
            while self.stands() != stands {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{:?} instead of {stands:?}", self.stands()));
    }
}

#[test]
fn a_store_tells_what_the_journal_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let window = Period::Day.window_at(Zone::UTC, NOW);
    let kept = |amount| {
        IDS.map(|id| Posting {
            account: id.parse().unwrap(),
            unit: Unit::NanoDollars,
            window,
            amount,
        })
    };
    let first = open(folder.path(), &flushed());
    first.ledger.adopt(kept(60).to_vec()).unwrap();
    assert_eq!(first.stands(), (60, 0));
    first.reserve(5).unwrap().settle(charge(5), NOW);
    first.ledger.adopt(kept(10).to_vec()).unwrap();
    assert_eq!(first.stands(), (65, 0), "what is known here is newer");
    drop((first.ledger, first.chain));
    assert_eq!(open(folder.path(), &flushed()).stands(), (65, 0));
}

/// The files of records, the newest last.
fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|name| name == "journal"));
    paths.sort();
    paths
}

fn damage(path: &Path, place: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[place] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

async fn spend_in_several_files(folder: &Path) {
    let settings = JournalSettings {
        segment_bytes: 3_000,
        ..flushed()
    };
    let ledger = open(folder, &settings);
    for _ in 0..60 {
        let mut call = ledger.reserve(1).unwrap();
        call.recorded().await.unwrap();
        call.settle(charge(1), NOW);
    }
}

#[tokio::test]
async fn a_damaged_checkpoint_is_made_up_for_by_older_files() {
    let folder = tempfile::tempdir().unwrap();
    spend_in_several_files(folder.path()).await;
    let files = segments(folder.path());
    assert!(files.len() > 2);
    damage(files.last().unwrap(), 30);
    let ledger = open(folder.path(), &flushed());
    assert_eq!(ledger.stands(), (60, 0));
    assert_eq!(
        (ledger.recovery.damaged_files, ledger.recovery.missing),
        (1, 0)
    );
    drop((ledger.ledger, ledger.chain));

    for file in segments(folder.path()) {
        damage(&file, 29);
    }
    let opened = Ledger::open(folder.path(), &flushed());
    assert!(matches!(opened, Err(JournalError::Corrupt(_))));
}

#[tokio::test]
async fn a_charge_that_the_disk_damaged_is_uncertain_and_those_after_it_stand() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path(), &flushed());
    let mut begin = 0;
    for (held, used) in [(10, 1), (20, 2), (40, 4)] {
        let mut call = ledger.reserve(held).unwrap();
        call.recorded().await.unwrap();
        if held == 20 {
            begin = std::fs::metadata(&segments(folder.path())[0])
                .unwrap()
                .len();
        }
        call.settle(charge(used), NOW);
    }
    drop((ledger.ledger, ledger.chain));
    // Into the record that follows: the settlement of the second call.
    damage(
        &segments(folder.path())[0],
        usize::try_from(begin).unwrap() + 14,
    );
    let ledger = open(folder.path(), &flushed());
    assert_eq!(ledger.stands(), (25, 0));
    assert_eq!((ledger.recovery.uncertain, ledger.recovery.missing), (1, 1));
    assert!(ledger.recovery.damaged_bytes > 0);
}

#[tokio::test]
async fn what_was_settled_is_on_the_disk_once_it_was_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let settings = JournalSettings {
        flush_every: Duration::from_secs(3600),
        ..JournalSettings::default()
    };
    let fixture = open(folder.path(), &settings);
    let durable = || fixture.ledger.health().journal.unwrap().durable;
    let before = durable();
    fixture.reserve(7).unwrap().settle(charge(5), NOW);
    fixture.ledger.flush().await.unwrap();
    // The opening and the event.
    assert_eq!(durable(), before + 2);
    assert!(Ledger::in_memory().flush().await.is_ok());
}
