//! Two nodes that share PostgreSQL and Redis.

#[path = "state/books.rs"]
mod books;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_testkit::{Client, FakeOpenAi, Gateway, Operator, Postgres, RedisServer, until};
use serde_json::{Value, json};

use books::{ANSWER, Events, MASTER, call, cost_of, key, launch, nanos, stands, status};

/// Two nodes, and what they share.
struct Pair {
    nodes: [Gateway; 2],
    _postgres: Arc<Postgres>,
    redis: RedisServer,
}

/// Nothing where one of the servers is not installed.
fn pair(upstream: &FakeOpenAi, holders: &str) -> Option<Pair> {
    let (postgres, redis) = (Postgres::shared()?, RedisServer::own()?);
    let global = format!(
        "state postgres {}\nshared redis {}",
        postgres.database(),
        redis.dsn()
    );
    let node = || launch(&global, upstream, holders).start();
    Some(Pair {
        nodes: [node(), node()],
        _postgres: postgres,
        redis,
    })
}

impl Pair {
    fn operator(&self, node: usize) -> Operator {
        Operator::at(self.nodes[node].address(), MASTER)
    }

    /// The statuses of so many calls at once, half of them at each node.
    fn calls(&self, secret: &str, count: usize) -> Vec<u16> {
        let mut clients: Vec<_> = (0..count)
            .map(|index| {
                let mut client = Client::connect(self.nodes[index % 2].address());
                client.send(call(secret, index % 3 == 0).bytes());
                client
            })
            .collect();
        let status = |client: &mut Client| {
            let answer = client.response();
            assert!(answer.complete);
            answer.status
        };
        clients.iter_mut().map(status).collect()
    }

    /// What both have charged, as soon as the store has it.
    fn charged(&self, expected: usize) -> Events {
        let spent = cost_of(expected);
        Events::that_sum_to(&self.operator(0), "", || spent)
    }
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|one| **one == status).count()
}

#[test]
fn two_nodes_never_spend_more_than_one_budget() {
    /// Whole answers that the budget pays.
    const PAYS: usize = 100;
    let upstream = FakeOpenAi::start();
    let Some(pair) = pair(&upstream, &key("ann", "budget 18 per total")) else {
        return;
    };
    let mut served = 0;
    // What one node holds to spare comes back to the other in time.
    until("most of the budget to be spent", || {
        let statuses = pair.calls("secret-of-ann", 200);
        served += count(&statuses, 200);
        let refused = count(&statuses, 402) + count(&statuses, 200);
        assert_eq!(refused, statuses.len(), "{statuses:?}");
        assert!(served <= PAYS, "{served} were served");
        (served >= PAYS - 2).then_some(())
    });
    assert_eq!(upstream.requests().len(), served);
    let events = pair.charged(served);
    assert_eq!(events.charges().len(), served);
    for node in &pair.nodes {
        assert_eq!(stands(node.address(), "ann").1, 0);
    }
}

#[test]
fn a_rate_holds_over_both_nodes() {
    /// Calls that pass at once.
    const BURST: usize = 40;
    let upstream = FakeOpenAi::start();
    let limit = format!("request_limit_per_minute {BURST} on_store_failure closed");
    let Some(pair) = pair(&upstream, &key("ann", &limit)) else {
        return;
    };
    let began = Instant::now();
    let (mut passed, mut unanswered) = (0, 0);
    // Refused at both nodes, it is used up.
    until("the limit to be used up", || {
        let statuses = pair.calls("secret-of-ann", 10);
        passed += count(&statuses, 200);
        // On a busy machine Redis may not answer in time: it may have counted the call all the same.
        unanswered += count(&statuses, 503);
        (count(&statuses, 429) == statuses.len()).then_some(())
    });
    // One more comes free every second and a half.
    let more = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    assert!(passed <= BURST + more, "{passed} passed");
    assert!(passed + unanswered >= BURST, "{passed} passed");
    assert_eq!(upstream.requests().len(), passed);
}

/// Waits until a call at a node is answered so. Says how long that took.
fn until_answered(node: &Gateway, secret: &str, wanted: u16) -> Duration {
    let began = Instant::now();
    until("the other node to follow", || {
        (status(node.address(), secret) == wanted).then_some(())
    });
    began.elapsed()
}

#[test]
fn what_is_done_to_a_key_at_one_node_holds_at_the_other() {
    let upstream = FakeOpenAi::start();
    let Some(pair) = pair(&upstream, &key("ann", "")) else {
        return;
    };
    let [first, second] = &pair.nodes;
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..3 {
        let id = format!("key-{round}");
        let operator = pair.operator(round % 2);
        let other = if round % 2 == 0 { second } else { first };
        let form = json!({ "id": id, "scopes": ["*"] });
        let made = operator.post("api-keys", &form).expect(201).json();
        let secret = made["secret"].as_str().unwrap();
        times[0].push(until_answered(other, secret, 200));
        let path = format!("api-keys/{id}");
        let budget = json!({ "budgets": [{ "amount": "0.01", "per": "total" }] });
        operator.patch(&path, &budget).expect(200);
        times[1].push(until_answered(other, secret, 402));
        operator
            .patch(
                &path,
                &json!({ "budgets": null, "allowed_models": ["other"] }),
            )
            .expect(200);
        times[2].push(until_answered(other, secret, 403));
        operator
            .post(&format!("{path}/revoke"), &Value::Null)
            .expect(200);
        times[3].push(until_answered(other, secret, 401));
    }
    // Half a second apart a node looks; a busy machine may take longer once.
    for times in times {
        let quickest = times.iter().min().unwrap();
        assert!(*quickest < Duration::from_secs(1), "{times:?}");
    }
}

#[test]
fn a_node_that_is_killed_and_comes_back_changes_nothing_in_the_books() {
    const BATCH: usize = 30;
    let upstream = FakeOpenAi::start();
    let Some(mut pair) = pair(&upstream, &key("ann", "budget 40 per total")) else {
        return;
    };
    let mut whole = Vec::new();
    for round in 0..4 {
        let mut clients: Vec<_> = (0..BATCH)
            .map(|index| {
                let request = call("secret-of-ann", index % 3 == 0);
                request.open(pair.nodes[index % 2].address())
            })
            .collect();
        // Some are answered, some under way, some not begun.
        let mut answers = vec![clients.remove(round).response()];
        let [first, second] = pair.nodes;
        pair.nodes = if round % 2 == 0 {
            [first.restart("KILL"), second]
        } else {
            [first, second.restart("KILL")]
        };
        answers.extend(clients.iter_mut().filter_map(|one| one.try_response().ok()));
        let served = answers.iter().filter(|one| one.status == 200);
        let ids = served
            .filter(|answer| answer.complete)
            .map(|answer| answer.header("x-request-id").to_owned());
        whole.extend(ids);
    }
    assert!(whole.len() >= 4 * BATCH / 2, "{} were served", whole.len());
    // What a node holds to spare comes back, and then both say what the store says.
    let events = until("both nodes and the store to agree", || {
        let stand = pair.nodes.each_ref();
        let stand = stand.map(|node| stands(node.address(), "ann"));
        let events = Events::read(&pair.operator(1), "");
        (stand == [(events.sum(), 0); 2]).then_some(events)
    });
    let charges = events.charges();
    for call in &whole {
        assert_eq!(charges.get(call.as_str()), Some(&1), "charges of {call}");
    }
    assert!(events.sum() <= 40_000_000_000, "{}", events.sum());
    // The rest of the budget can be spent, and no more.
    let mut more = 0;
    let rest = (40_000_000_000 - events.sum()) / ANSWER;
    let rest = usize::try_from(rest).unwrap();
    until("the rest of the budget to be spent", || {
        more += count(&pair.calls("secret-of-ann", BATCH), 200);
        assert!(more <= rest, "{more} of {rest}");
        (more + 2 >= rest).then_some(())
    });
}

#[test]
fn without_redis_limits_fail_as_they_were_declared() {
    let upstream = FakeOpenAi::start();
    let holders = key("shut", "budget 100 per total")
        + &key("open", "budget 100 per total on_store_failure open")
        + &key(
            "rate-shut",
            "request_limit_per_minute 60000 on_store_failure closed",
        )
        + &key(
            "rate-open",
            "request_limit_per_minute 60000 on_store_failure open",
        )
        + &key("free", "");
    let Some(pair) = pair(&upstream, &holders) else {
        return;
    };
    let node = &pair.nodes[0];
    let ask = |id: &str| call(&format!("secret-of-{id}"), false).send(node.address());
    for id in ["shut", "open", "rate-shut", "rate-open", "free"] {
        ask(id).expect(200);
    }
    pair.redis.stop();
    // What was granted before may be spent, and nothing else.
    let mut granted = 0;
    let refused = loop {
        let answer = ask("shut");
        if answer.status != 200 {
            break answer.expect(503);
        }
        granted += 1;
        assert!(
            ANSWER * granted < nanos(&json!("50")),
            "most of it was granted"
        );
    };
    assert_eq!(refused.error_code(), "limit_unavailable");
    let rate = ask("rate-shut").expect(503);
    assert_eq!(rate.error_code(), "limit_unavailable");
    for _ in 0..=granted {
        ask("open").expect(200);
        ask("rate-open").expect(200);
        ask("free").expect(200);
    }
    // Elsewhere nothing was granted at all.
    let elsewhere = &pair.nodes[1];
    assert_eq!(status(elsewhere.address(), "secret-of-shut"), 503);
    assert_eq!(status(elsewhere.address(), "secret-of-open"), 200);
    assert!(pair.redis.start_again());
    for id in ["shut", "rate-shut"] {
        for node in &pair.nodes {
            until_answered(node, &format!("secret-of-{id}"), 200);
        }
    }
}
