//! Budgets that several nodes spend from, over a real Redis.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_billing::{Claim, GrantStore, Granted, MemoryGrants, NodeId, Window};
use ferrogate_storage::Redis;
use ferrogate_types::clock;
use tempfile::TempDir;

use crate::place::run;
use crate::server::redis_client;
use ferrogate_testkit::RedisServer;

mod node;

use node::{Node, Work};

const ACCOUNT: &str = "acme/usd/day";
const LIMIT: i64 = 50_000;

fn claim(node: u64, version: u64, total: i64) -> Claim {
    Claim {
        account: ACCOUNT.parse().unwrap(),
        window: Window::ALWAYS,
        limit: LIMIT,
        node: NodeId(node),
        version,
        total,
    }
}

async fn decide(redis: &Redis, claim: Claim) -> (i64, i64, u64) {
    let granted = redis.claim(&[claim]).await.unwrap()[0];
    (granted.mine, granted.elsewhere, granted.version)
}

#[test]
fn a_claim_is_decided_once() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let redis = redis_client(&server, "claims");
    run(async {
        assert_eq!(redis.claim(&[]).await.unwrap(), []);
        assert_eq!(decide(&redis, claim(1, 5, 30_000)).await, (30_000, 0, 5));
        // An answer that was lost is asked for again, and what comes late changes nothing.
        assert_eq!(decide(&redis, claim(1, 5, 30_000)).await, (30_000, 0, 5));
        assert_eq!(decide(&redis, claim(1, 4, 5_000)).await, (30_000, 0, 5));
        assert_eq!(
            decide(&redis, claim(2, 1, 30_000)).await,
            (20_000, 30_000, 1)
        );
        assert_eq!(
            decide(&redis, claim(1, 6, 12_500)).await,
            (12_500, 20_000, 6)
        );
        // A limit that was lowered stops what comes, not what was granted.
        let lower = Claim {
            limit: 15_000,
            ..claim(2, 2, 25_000)
        };
        assert_eq!(decide(&redis, lower).await, (20_000, 12_500, 2));
        let elsewhere = Claim {
            account: "acme/usd/day:2".parse().unwrap(),
            ..claim(1, 7, 9)
        };
        assert_eq!(decide(&redis, elsewhere).await, (9, 0, 7));
    });
}

#[test]
fn windows_are_forgotten_a_day_after_they_end() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let redis = redis_client(&server, "forgetting");
    let now = i64::try_from(clock::since_epoch().as_secs()).unwrap();
    let left = |window: Window| {
        let name = format!(
            "forgetting:grant:{}:{}:acme/usd/day",
            window.start(),
            window.end()
        );
        let millis = server.command(&format!("PTTL {name}"));
        millis.trim_start_matches(':').parse::<i64>().unwrap() / 1_000
    };
    let day = 86_400;
    run(async {
        for (end, seconds) in [
            (now + 100, day + 100),
            // Nobody forgets what was claimed just now, whatever the clocks say.
            (now - 9 * day, day),
        ] {
            let window = Window::from_bounds(end - day, end);
            let claim = Claim {
                window,
                ..claim(1, 1, 10)
            };
            redis.claim(&[claim]).await.unwrap();
            let left = left(window);
            assert!(
                (seconds - 5..=seconds).contains(&left),
                "{left} of {seconds}"
            );
        }
        redis.claim(&[claim(1, 1, 10)]).await.unwrap();
        assert_eq!(left(Window::ALWAYS), 0, "it has no time to live");
    });
}

/// The script beside the rule itself.
#[test]
fn the_script_decides_as_the_rule_does() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let redis = redis_client(&server, "rule");
    run(async {
        for seed in 0..20 {
            let mut random = fastrand::Rng::with_seed(seed);
            let rule = MemoryGrants::default();
            // As large as Redis can reckon with, or small enough that claims meet.
            let most = if seed % 4 == 0 { (1 << 53) - 1 } else { 60 };
            for _ in 0..60 {
                let mut claims = Vec::new();
                for _ in 0..random.usize(1..8) {
                    claims.push(Claim {
                        account: format!("{seed}/{}", random.u8(0..2)).parse().unwrap(),
                        limit: random.i64(-most / 10..=most),
                        total: random.i64(-most / 10..=most),
                        ..claim(random.u64(0..3), random.u64(0..40), 0)
                    });
                }
                let decided: Vec<Granted> = redis.claim(&claims).await.unwrap();
                assert_eq!(decided, rule.claim(&claims).await.unwrap(), "{claims:?}");
            }
        }
    });
}

/// What lies beyond Redis' numbers is held at their edge: never more than the limit.
#[test]
fn what_redis_cannot_reckon_with_is_held() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let redis = redis_client(&server, "edge");
    let edge = (1 << 53) - 1;
    run(async {
        let vast = |node, total| Claim {
            limit: i64::MAX,
            ..claim(node, 1, total)
        };
        assert_eq!(decide(&redis, vast(1, i64::MAX - 5)).await, (edge, 0, 1));
        assert_eq!(decide(&redis, vast(2, 7)).await, (0, edge, 1));
    });
}

#[test]
fn grants_never_exceed_the_limit_however_many_claim() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let nodes: Vec<_> = (0..8)
            .map(|node| {
                let redis = redis_client(&server, "crowd");
                tokio::spawn(async move {
                    let mut random = fastrand::Rng::with_seed(node);
                    let mut mine = 0;
                    for version in 1..60 {
                        let total = mine + random.i64(-3_000..4_500);
                        let granted = redis.claim(&[claim(node, version, total)]).await.unwrap();
                        let granted = granted[0];
                        mine = granted.mine;
                        assert!(mine + granted.elsewhere <= LIMIT, "{granted:?}");
                    }
                    mine
                })
            })
            .collect();
        let mut sum = 0;
        for node in nodes {
            sum += node.await.unwrap();
        }
        let rest = decide(&redis_client(&server, "crowd"), claim(99, 1, i64::MAX)).await;
        assert_eq!(rest, (LIMIT - sum, sum, 1));
    });
}

/// A folder as a crash leaves it: whatever its process has written up to now.
fn as_killed(folder: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

/// Lets nodes work at the same time, several calls of each at once.
async fn work_together(nodes: &[Arc<Node>], life: u64) -> Vec<Vec<Work>> {
    let tasks: Vec<Vec<_>> = nodes
        .iter()
        .zip(0..)
        .map(|(node, number)| {
            let work = |worker| {
                let (node, seed) = (Arc::clone(node), life * 100 + number * 10 + worker);
                tokio::spawn(async move { node.work(seed, 12).await })
            };
            (0..4).map(work).collect()
        })
        .collect();
    let mut works = Vec::new();
    for tasks in tasks {
        let mut of_node = Vec::new();
        for task in tasks {
            of_node.push(task.await.unwrap());
        }
        works.push(of_node);
    }
    works
}

#[test]
fn nodes_never_spend_more_than_the_limit_together() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let now = clock::since_epoch();
        let open = |folder: &TempDir, clock| {
            let redis = redis_client(&server, "together");
            Arc::new(Node::open(folder.path(), redis, now, clock))
        };
        let [first, second, third] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let steady = open(&first, now);
        let mortal = open(&third, now);
        let dead = mortal.id();
        let mut shaky = (open(&second, now), second);
        let (mut spent, mut refused, mut lost) = (0, 0, 0);
        for life in 0..6 {
            let mut nodes = vec![Arc::clone(&steady), Arc::clone(&shaky.0)];
            if life == 0 {
                nodes.push(Arc::clone(&mortal));
            }
            for (number, of_node) in work_together(&nodes, life).await.into_iter().enumerate() {
                for work in of_node {
                    spent += work.spent;
                    refused += work.refused;
                    for (reservation, worst) in work.open {
                        match number {
                            0 => reservation.settle(node::charge(worst), now),
                            // Killed: nobody says what becomes of it.
                            _ => std::mem::forget(reservation),
                        }
                    }
                }
            }
            if life == 0 {
                lost = mortal.committed();
            }
            let folder = as_killed(&shaky.1);
            // A clock that was set back begins with versions that were there before.
            let clock = now + Duration::from_secs(if life % 2 == 0 { 1_000 * life } else { 0 });
            let reborn = open(&folder, clock);
            assert_eq!(reborn.id(), shaky.0.id());
            std::mem::forget(std::mem::replace(&mut shaky, (reborn, folder)));
            let booked = steady.committed() + shaky.0.committed() + lost;
            assert!(spent <= booked && booked <= LIMIT, "{spent} of {booked}");
        }
        assert!(refused > 0, "the limit was not reached");

        // What is not spent can be: nothing is lost but what the dead node held.
        for _ in 0..12 {
            steady.look().await;
            shaky.0.look().await;
        }
        let redis = redis_client(&server, "together");
        let NodeId(dead) = dead;
        let (held, _, _) = decide(&redis, claim(dead, 0, 0)).await;
        let booked = steady.committed() + shaky.0.committed();
        let (rest, elsewhere, _) = decide(&redis, claim(7, 1, i64::MAX)).await;
        assert_eq!((rest + elsewhere, elsewhere), (LIMIT, booked + held));
    });
}
