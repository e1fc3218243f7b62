//! Killed again and again, at any moment.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use ferrogate_testkit::{Client, FakeOpenAi, Fault, Gateway, Operator, Postgres, until};
use serde_json::json;

use crate::books::{ANSWER, Events, MASTER, call, cost_of, key, launch, nanos, stands, status};

const ROUNDS: usize = 10;
const CALLERS: usize = 6;
/// Answers among which one stalls.
const BLOCK: usize = 16;

#[test]
fn kills_lose_no_charge_and_repeat_none_with_sqlite() {
    rounds_of_kills("");
}

#[test]
fn kills_lose_no_charge_and_repeat_none_with_postgres() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    rounds_of_kills(&format!("state postgres {}", server.database()));
}

/// Calls of which the client has the head, and those of which it has everything.
#[derive(Debug, Default)]
struct Tally {
    begun: Mutex<Vec<String>>,
    whole: Mutex<Vec<String>>,
    answered: AtomicUsize,
}

fn rounds_of_kills(global: &str) {
    let seed = match std::env::var("FERROGATE_KILL_SEED") {
        Ok(seed) => seed.parse().expect("FERROGATE_KILL_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    let _told_on_failure = Seed(seed);
    let mut rng = Rng::with_seed(seed);
    let upstream = FakeOpenAi::with_faults(&faults(&mut rng));
    let holders = "tenant acme {\nbudget 100000 per week\n}\n".to_owned()
        + &key("ann", "tenant acme\nbudget 10000 per total");
    let mut gateway = launch(global, &upstream, &holders).start();
    let tally = Tally::default();
    for _ in 0..ROUNDS {
        let wanted = tally.answered.load(Ordering::SeqCst) + rng.usize(1..3 * BLOCK);
        let moment = Duration::from_micros(rng.u64(0..5_000));
        gateway = under_load(gateway, &tally, &mut rng, |gateway| {
            until("answers", || {
                (tally.answered.load(Ordering::SeqCst) >= wanted).then_some(())
            });
            let kill_at = Instant::now() + moment;
            while Instant::now() < kill_at {
                std::hint::spin_loop();
            }
            gateway.restart("KILL")
        });
    }
    let operator = Operator::at(gateway.address(), MASTER);
    assert_eq!(stands(gateway.address(), "ann").1, 0, "nothing is reserved");
    let spent = || stands(gateway.address(), "ann").0;
    let events = Events::that_sum_to(&operator, "key=ann", spent);
    let charges = events.charges();
    for call in &*tally.begun.lock().expect("no caller panicked") {
        assert_eq!(charges.get(call.as_str()), Some(&1), "charges of {call}");
    }
    let whole = tally.whole.lock().expect("no caller panicked");
    assert!(whole.len() >= ROUNDS);
    let of_whole = events
        .0
        .iter()
        .filter(|event| whole.iter().any(|call| event["request_id"] == **call));
    // Of an answer that was on its way to the client, nobody may have written down yet what it cost.
    let (uncertain, settled): (Vec<_>, Vec<_>) =
        of_whole.partition(|event| event["uncertain"] == true);
    assert!(uncertain.len() <= ROUNDS * CALLERS, "{}", uncertain.len());
    for event in settled {
        assert_eq!(nanos(&event["cost"]), ANSWER, "{event}");
    }
    for event in events.0.iter().filter(|event| event["uncertain"] == true) {
        assert!(nanos(&event["cost"]) > ANSWER, "{event}");
    }
    drop(upstream);
}

#[test]
fn no_step_of_the_journal_loses_a_charge_or_repeats_one() {
    const CRASH_AT: &str = "FERROGATE_CRASH_AT";
    let upstream = FakeOpenAi::start();
    let holders = key("ann", "budget 10000 per total");
    let mut step = 1;
    loop {
        let launch = launch("", &upstream, &holders).env(CRASH_AT, &step.to_string());
        let (mut gateway, ready) = launch.try_start();
        let tally = Tally::default();
        if ready {
            let asked = [false, true, false];
            let address = gateway.address();
            // The first that is not answered was the last one.
            let _all = asked
                .into_iter()
                .all(|stream| ask(address, &tally, stream).is_some());
        }
        let code = gateway.end();
        let gateway = gateway.again_without(CRASH_AT);
        assert_eq!(stands(gateway.address(), "ann").1, 0, "step {step}");
        let operator = Operator::at(gateway.address(), MASTER);
        let spent = || stands(gateway.address(), "ann").0;
        let charges = Events::that_sum_to(&operator, "key=ann", spent);
        let charges = charges.charges();
        for call in &*tally.begun.lock().expect("no caller panicked") {
            assert_eq!(charges.get(call.as_str()), Some(&1), "step {step}: {call}");
        }
        if code == Some(0) {
            break;
        }
        step += 1;
    }
    // Opening, three calls, and the end: each has several.
    assert!(step > 10, "only {step} steps");
}

/// Does something to a gateway while callers keep it busy, who leave with the process they began with.
fn under_load(
    gateway: Gateway,
    tally: &Tally,
    rng: &mut Rng,
    work: impl FnOnce(Gateway) -> Gateway,
) -> Gateway {
    std::thread::scope(|scope| {
        let address = gateway.address();
        for _ in 0..CALLERS {
            let mut rng = rng.fork();
            scope.spawn(move || while ask(address, tally, rng.bool()).is_some() {});
        }
        work(gateway)
    })
}

/// One call. Nothing when the process went before the answer was whole.
fn ask(address: SocketAddr, tally: &Tally, stream: bool) -> Option<()> {
    let mut client = Client::try_connect(address).ok()?;
    client
        .try_send(call("secret-of-ann", stream).bytes())
        .ok()?;
    let answer = client.try_response().ok()?;
    if answer.status == 502 {
        // The provider began to stream though nobody asked for that.
        return (!stream).then_some(());
    }
    let answer = answer.expect(200);
    let id = answer.header("x-request-id").to_owned();
    tally
        .begun
        .lock()
        .expect("no caller panicked")
        .push(id.clone());
    let ended = !stream || answer.events().last().is_some_and(|last| last == "[DONE]");
    if !(answer.complete && ended) {
        return None;
    }
    tally.whole.lock().expect("no caller panicked").push(id);
    tally.answered.fetch_add(1, Ordering::SeqCst);
    Some(())
}

/// What the provider does: answers well, some of them slowly, and never answers some.
fn faults(rng: &mut Rng) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..256 {
        let stall = rng.usize(0..BLOCK);
        faults.extend(
            (0..BLOCK).map(|index| match (index == stall, rng.u8(0..4)) {
                (true, 0) => Fault::StallBeforeHeader,
                (true, _) => Fault::StallAfterEvents(1),
                (false, 0) => Fault::SlowDrip,
                (false, _) => Fault::Interim,
            }),
        );
    }
    faults
}

/// Tells how to repeat a run that failed.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "it is shown with the failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FERROGATE_KILL_SEED={} repeats this run", self.0);
        }
    }
}

#[test]
fn what_was_under_way_is_uncertain_until_somebody_settles_it() {
    let upstream = FakeOpenAi::always(Fault::StallBeforeHeader);
    let holders = key("ann", "budget 1000 per total");
    let gateway = launch("", &upstream, &holders).start();
    let open: Vec<Client> = [true, true, false]
        .map(|stream| call("secret-of-ann", stream).open(gateway.address()))
        .into();
    upstream.wait_for_requests(open.len());
    let held = until("all to be held", || {
        let (spent, reserved) = stands(gateway.address(), "ann");
        assert_eq!(spent, 0);
        (reserved > 0).then_some(reserved)
    });
    let mut gateway = gateway.restart("KILL");
    for _ in 0..2 {
        let operator = Operator::at(gateway.address(), MASTER);
        assert_eq!(stands(gateway.address(), "ann"), (held, 0));
        let events = Events::that_sum_to(&operator, "uncertain=true", || held);
        assert_eq!(events.0.len(), open.len());
        assert_eq!(events.charges().len(), open.len());
        gateway = gateway.restart("KILL");
    }
    let operator = Operator::at(gateway.address(), MASTER);
    let mut spent = held;
    for event in &Events::read(&operator, "uncertain=true").0 {
        let id = event["id"].as_str().unwrap();
        let path = format!("billing-events/{id}/settle");
        let truth =
            json!({ "input_tokens": 11, "output_tokens": 7, "cost": "0.18", "reason": "the bill" });
        let settled = operator.post(&path, &truth).expect(200).json();
        assert_eq!(
            (&settled["cost"], &settled["uncertain"]),
            (&json!("0.18"), &json!(false))
        );
        spent -= nanos(&event["cost"]) - ANSWER;
        assert_eq!(stands(gateway.address(), "ann"), (spent, 0));
        let again = operator.post(&path, &truth).expect(409);
        assert_eq!(again.error_code(), "already_settled");
    }
    assert_eq!(spent, cost_of(open.len()));
    for signal in ["KILL", "TERM"] {
        gateway = gateway.restart(signal);
        assert_eq!(stands(gateway.address(), "ann"), (spent, 0));
        let operator = Operator::at(gateway.address(), MASTER);
        let events = Events::that_sum_to(&operator, "key=ann", || spent);
        assert_eq!(events.0.len(), open.len());
        assert!(Events::read(&operator, "uncertain=true").0.is_empty());
    }
    assert_eq!(status(gateway.address(), "somebody"), 401);
}
