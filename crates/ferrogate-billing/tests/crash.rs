//! Kills a process at every step of the journal, and counts the money afterwards.
//!
//! The test runs itself as the process to be killed: `calls_until_killed` makes calls in the folder that an environment
//! variable names, and writes down beside the journal what it was promised. The other test kills it at the first step,
//! at the second and so on until it ends by itself, restarts it (killing it once more, often while it recovers), and
//! then holds the balances, the store and the promises against each other.

#![cfg(not(ferrogate_loom))]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferrogate_billing::{
    AccountSpec, Attempt, CallFacts, Chain, Charge, Drainer, EventKind, JournalSettings, Ledger,
    LedgerEvent, LedgerStore, OnExceed, OnStoreFailure, Period, Posting, Reservation, Spend,
    StoreError, Unit, Zone,
};
use ferrogate_types::{AccountId, Money, RequestId, Subject, Usage};

const FOLDER: &str = "FERROGATE_CRASH_FOLDER";
const CRASH_AT: &str = "FERROGATE_CRASH_AT";
const NOW: Duration = Duration::from_secs(1_795_132_800);
const LIMIT: i64 = 1_000;
const ACCOUNTS: [&str; 2] = ["key", "team"];

/// A store that keeps each event in a file of its own: there or not there, whenever the process dies.
struct Files(PathBuf);

#[async_trait]
impl LedgerStore for Files {
    async fn apply(&self, batch: &[LedgerEvent]) -> Result<(), StoreError> {
        for event in batch {
            let EventKind::Charged(charged) = &event.kind else {
                panic!("nothing is adjusted here")
            };
            let amount = event.postings[0].amount;
            assert!(
                event
                    .postings
                    .iter()
                    .all(|posting| posting.amount == amount)
            );
            let path = self.0.join(event.id.to_string());
            let text = format!("{amount} {}", charged.uncertain);
            if let Ok(known) = fs::read_to_string(&path) {
                assert_eq!(known, text, "an event that changed");
            } else {
                let half = path.with_extension("half");
                fs::write(&half, text).unwrap();
                fs::rename(&half, &path).unwrap();
            }
        }
        Ok(())
    }

    async fn load_balances(&self, _now: i64) -> Result<Vec<Posting>, StoreError> {
        Ok(Vec::new())
    }
}

/// What the process was promised: a line is written before the next step begins.
struct Promises(File);

impl Promises {
    fn open(folder: &Path) -> Self {
        let options = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("promises"));
        Self(options.unwrap())
    }

    fn tell(&mut self, what: &str, call: &Reservation, amount: i64) {
        let line = format!("{what} {} {amount}\n", call.id());
        self.0.write_all(line.as_bytes()).unwrap();
    }
}

fn open(folder: &Path) -> (Ledger, Arc<Chain>, Drainer<Files>) {
    let settings = JournalSettings {
        segment_bytes: 2_000,
        flush_every: Duration::from_millis(1),
        ..JournalSettings::default()
    };
    let (ledger, _) = Ledger::open(&folder.join("journal"), &settings).unwrap();
    let ids: Vec<AccountId> = ACCOUNTS.iter().map(|id| id.parse().unwrap()).collect();
    let specs = ids.iter().map(|id| AccountSpec {
        id: id.clone(),
        subject: Subject::Global,
        unit: Unit::NanoDollars,
        limit: LIMIT,
        period: Period::Total,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure: OnStoreFailure::Closed,
        shared: false,
    });
    ledger.book().define(specs, NOW);
    let chain = ledger.book().chain(&ids);
    let store = folder.join("store");
    fs::create_dir_all(&store).unwrap();
    let drainer = Drainer::new(&ledger, Arc::new(Files(store))).unwrap();
    (ledger, chain, drainer)
}

fn dollars(nanos: i64) -> Spend {
    Spend {
        usage: Usage::default(),
        cost: Some(Money::from_nanos(nanos.into())),
    }
}

fn charge(nanos: i64) -> Charge {
    Charge {
        spend: dollars(nanos),
        provider: None,
        upstream_model: None,
        price: None,
        estimated: false,
    }
}

/// Calls of each kind, two under way at a time.
async fn make_calls(ledger: &Ledger, chain: &Arc<Chain>, promises: &mut Promises) {
    let facts = Arc::new(CallFacts {
        request_id: RequestId::from_random(1),
        key: None,
        tenant: None,
        user: None,
        model: "fast".parse().unwrap(),
        provider: None,
        upstream_model: None,
        price: None,
    });
    let mut earlier: Option<(Reservation, i64)> = None;
    for round in 0..10_i64 {
        let held = 5 + round;
        let mut call = ledger
            .reserve(
                chain,
                Arc::clone(&facts),
                dollars(held),
                Attempt::Asked,
                NOW,
            )
            .unwrap();
        call.recorded().await.unwrap();
        promises.tell("opened", &call, held);
        if let Some((mut call, held)) = earlier.replace((call, held)) {
            match round % 4 {
                0 => {
                    promises.tell("released", &call, 0);
                    call.release();
                }
                1 => {
                    promises.tell("grown", &call, held + 7);
                    call.top_up(&dollars(held + 7)).unwrap();
                    promises.tell("settled", &call, held + 6);
                    call.settle(charge(held + 6), NOW);
                }
                2 => {
                    promises.tell("settled", &call, 2);
                    call.owe(charge(2), NOW);
                    drop(call);
                }
                _ => {
                    promises.tell("settled", &call, held);
                    call.settle(charge(held), NOW);
                }
            }
        }
    }
    if let Some((call, _)) = earlier {
        promises.tell("released", &call, 0);
        drop(call);
    }
}

/// Drains until the store has everything.
async fn drain(ledger: &Ledger, drainer: Drainer<Files>, work: impl Future<Output = ()>) {
    let progress = drainer.progress();
    let all = async {
        work.await;
        let settled = || {
            let journal = ledger.health().journal.unwrap();
            journal.slots.0 == journal.slots.1 && progress.drained() >= journal.durable
        };
        while !settled() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    drainer.run(all).await;
}

#[tokio::test]
async fn calls_until_killed() {
    let own = tempfile::tempdir().unwrap();
    let named = std::env::var_os(FOLDER).map(PathBuf::from);
    let folder = named.as_deref().unwrap_or(own.path());
    let mut promises = Promises::open(folder);
    let (ledger, chain, drainer) = open(folder);
    drain(&ledger, drainer, make_calls(&ledger, &chain, &mut promises)).await;
    assert_eq!(chain.states(NOW)[0].reserved, 0);
    drop((ledger, chain));
    if named.is_none() {
        assert_eq!(
            check(folder).await,
            0,
            "nothing is uncertain when nothing was killed"
        );
    }
}

/// Runs the other test in a process of its own, and says whether it was killed.
fn run(folder: &Path, crash_at: u64) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "calls_until_killed"]);
    child
        .env(FOLDER, folder)
        .env(CRASH_AT, crash_at.to_string())
        .env("RUST_BACKTRACE", "0");
    let ended = child.output().unwrap();
    let killed = ended.status.code().is_none();
    assert!(
        killed || ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stdout)
    );
    killed
}

/// What is known of a call.
#[derive(Debug, Default)]
struct Story {
    /// All that it may have held.
    held: Vec<i64>,
    settled: Option<i64>,
    released: bool,
}

/// Recovers, and holds everything against everything. Says how many calls are uncertain.
async fn check(folder: &Path) -> usize {
    let (ledger, chain, drainer) = open(folder);
    drain(&ledger, drainer, async {}).await;
    let promises = fs::read_to_string(folder.join("promises")).unwrap_or_default();
    let mut stories: HashMap<&str, Story> = HashMap::new();
    for line in promises.lines() {
        let [what, id, amount] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let amount = amount.parse().unwrap();
        let story = stories.entry(id).or_default();
        match what {
            "opened" | "grown" => story.held.push(amount),
            "settled" => story.settled = Some(amount),
            _ => story.released = true,
        }
    }
    let (mut sum, mut uncertain) = (0, 0);
    for entry in fs::read_dir(folder.join("store")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(id) = Some(name).filter(|name| !name.ends_with("half")) else {
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        let (amount, is_uncertain) = text.split_once(' ').unwrap();
        let amount: i64 = amount.parse().unwrap();
        let is_uncertain = is_uncertain == "true";
        sum += amount;
        uncertain += usize::from(is_uncertain);
        // One that was written down nowhere died between the journal and the promise.
        let Some(story) = stories.remove(id) else {
            assert!(is_uncertain, "{id} was never opened");
            continue;
        };
        if is_uncertain {
            assert!(story.held.contains(&amount), "{id}: {amount} of {story:?}");
        } else {
            assert_eq!(Some(amount), story.settled, "{id}: {story:?}");
        }
    }
    for (id, story) in stories {
        assert!(story.released, "the charge of {id} is lost: {story:?}");
    }
    for state in chain.states(NOW) {
        assert_eq!((state.spent, state.reserved), (sum, 0), "{}", state.spec.id);
    }
    uncertain
}

#[tokio::test]
async fn no_kill_loses_or_doubles_a_charge_or_leaves_a_reservation() {
    let mut uncertain = 0;
    for step in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let killed = run(folder.path(), step);
        if killed {
            run(folder.path(), step.wrapping_mul(7) % 29 + 1);
        }
        uncertain += check(folder.path()).await;
        check(folder.path()).await;
        if !killed {
            assert!(step > 50, "only {step} steps");
            break;
        }
    }
    assert!(uncertain > 0, "no call was ever under way");
}
