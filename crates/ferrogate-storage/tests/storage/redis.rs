//! Redis: grants, rates and cooldowns, against a real server.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_storage::{
    Grant, GrantRequest, Rate, RateTaken, RateVerdict, StoreError, StoreState,
};

use crate::place::run;
use crate::server::{RedisServer, open_redis};

fn request(lease: &str, wanted: i64) -> GrantRequest {
    GrantRequest {
        window: "acme/month".to_owned(),
        lease: lease.to_owned(),
        limit: 100,
        spent: 0,
        wanted,
        least: 1,
        forget_at: None,
    }
}

fn rate(name: &str, amount: u64) -> Rate {
    Rate {
        name: name.to_owned(),
        limit: 10,
        window: Duration::from_secs(3_600),
        burst: 10,
        amount,
    }
}

/// What was taken of the only rate.
fn taken(verdict: RateVerdict) -> RateTaken {
    match verdict {
        RateVerdict::Admitted(taken) => taken[0],
        RateVerdict::Refused { .. } => panic!("{verdict:?}"),
    }
}

#[test]
fn leases_never_exceed_the_limit() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let redis = server.client("leases");
    run(async {
        let grant = |granted, left| Ok(Grant { granted, left });
        assert_eq!(redis.lease(&request("a", 60)).await, grant(60, 40));
        // An answer that was lost is asked for again.
        assert_eq!(redis.lease(&request("a", 60)).await, grant(60, 40));
        assert_eq!(redis.lease(&request("b", 60)).await, grant(40, 0));
        assert_eq!(redis.lease(&request("c", 1)).await, grant(0, 0));

        assert_eq!(redis.close_lease("acme/month", "a", 25).await, Ok(25));
        assert_eq!(redis.close_lease("acme/month", "a", 25).await, Ok(0));
        assert_eq!(redis.close_lease("acme/month", "never", 25).await, Ok(0));
        // More than it ever had.
        assert_eq!(redis.close_lease("acme/month", "b", 99).await, Ok(40));
        let picky = GrantRequest {
            least: 66,
            ..request("d", 80)
        };
        assert_eq!(redis.lease(&picky).await, grant(0, 65));
        let informed = GrantRequest {
            spent: 90,
            ..request("e", 80)
        };
        assert_eq!(redis.lease(&informed).await, grant(10, 0));
        let elsewhere = GrantRequest {
            window: "acme/day".to_owned(),
            ..request("a", 100)
        };
        assert_eq!(redis.lease(&elsewhere).await, grant(100, 0));
        // A limit that was lowered.
        let lower = GrantRequest {
            limit: 50,
            ..elsewhere.clone()
        };
        let lower = GrantRequest {
            lease: "f".to_owned(),
            ..lower
        };
        assert_eq!(redis.lease(&lower).await, grant(0, 0));
    });
}

#[test]
fn many_nodes_lease_what_there_is_and_no_more() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let nodes: Vec<_> = (0..8)
            .map(|node| {
                let redis = server.client("nodes");
                tokio::spawn(async move {
                    let mut random = fastrand::Rng::with_seed(node);
                    let mut spent = 0;
                    for round in 0..40 {
                        let lease = format!("{node}/{round}");
                        let request = GrantRequest {
                            limit: 1_000,
                            ..request(&lease, random.i64(1..40))
                        };
                        let granted = redis.lease(&request).await.unwrap().granted;
                        let used = random.i64(0..=granted);
                        spent += used;
                        // Some nodes die with what they have.
                        if random.u8(0..8) == 0 {
                            spent += granted - used;
                            continue;
                        }
                        let back = redis
                            .close_lease("acme/month", &lease, granted - used)
                            .await;
                        assert_eq!(back, Ok(granted - used));
                    }
                    spent
                })
            })
            .collect();
        let mut spent = 0;
        for node in nodes {
            spent += node.await.unwrap();
        }
        let rest = GrantRequest {
            limit: 1_000,
            ..request("rest", 10_000)
        };
        let redis = server.client("nodes");
        let rest = redis.lease(&rest).await.unwrap();
        assert_eq!(spent + rest.granted, 1_000);
    });
}

#[test]
fn rates_are_taken_all_or_none() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let redis = server.client("rates");
    run(async {
        let first = redis.take_rates(&[rate("a", 4)]).await.unwrap();
        assert_eq!(taken(first).level.remaining, 6);
        let both = [rate("b", 1), rate("a", 7)];
        let RateVerdict::Refused {
            index,
            level,
            retry_after,
        } = redis.take_rates(&both).await.unwrap()
        else {
            panic!("more was taken than there is");
        };
        assert_eq!((index, level.remaining), (1, 6));
        // One of ten in an hour is missing.
        assert!(
            retry_after > Duration::from_secs(350) && retry_after <= Duration::from_secs(360),
            "{retry_after:?}"
        );
        let untouched = redis.take_rates(&[rate("b", 10)]).await.unwrap();
        assert_eq!(taken(untouched).level.remaining, 0);
        // More than ever comes at once.
        let never = redis.take_rates(&[rate("c", 11)]).await.unwrap();
        assert!(matches!(never, RateVerdict::Refused { index: 0, .. }));
        let twice = [rate("d", 6), rate("d", 6)];
        let verdict = redis.take_rates(&twice).await.unwrap();
        assert!(matches!(verdict, RateVerdict::Refused { index: 1, .. }));
        let nothing = redis.take_rates(&[]).await.unwrap();
        assert_eq!(nothing, RateVerdict::Admitted(Vec::new()));
    });
}

#[test]
fn rates_are_settled() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let redis = server.client("settled");
    run(async {
        let remaining = |name| {
            let (redis, rate) = (&redis, rate(name, 0));
            async move {
                taken(redis.take_rates(&[rate]).await.unwrap())
                    .level
                    .remaining
            }
        };
        let eight = rate("less", 8);
        let first = taken(
            redis
                .take_rates(std::slice::from_ref(&eight))
                .await
                .unwrap(),
        );
        redis.settle_rate(&eight, &first, 3).await.unwrap();
        assert_eq!(remaining("less").await, 7);
        // A refund that comes again is worth what is left of the taking: no more than there ever was.
        redis.settle_rate(&eight, &first, 0).await.unwrap();
        redis.settle_rate(&eight, &first, 0).await.unwrap();
        assert_eq!(remaining("less").await, 10);

        let one = rate("more", 1);
        let first = taken(redis.take_rates(std::slice::from_ref(&one)).await.unwrap());
        redis.settle_rate(&one, &first, 20).await.unwrap();
        assert_eq!(remaining("less").await, 10);
        let owed = redis.take_rates(&[rate("more", 0)]).await.unwrap();
        assert!(matches!(owed, RateVerdict::Refused { .. }), "{owed:?}");
        let unheard = rate("unheard", 5);
        redis.settle_rate(&unheard, &first, 1).await.unwrap();
        assert_eq!(remaining("unheard").await, 10);
    });
}

#[test]
fn nodes_share_a_rate() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let nodes: Vec<_> = (0..4)
            .map(|_| {
                let redis = server.client("shared rate");
                tokio::spawn(async move {
                    let mut admitted = 0;
                    for _ in 0..10 {
                        let verdict = redis.take_rates(&[rate("x", 1)]).await.unwrap();
                        admitted += usize::from(matches!(verdict, RateVerdict::Admitted(_)));
                    }
                    admitted
                })
            })
            .collect();
        let mut admitted = 0;
        for node in nodes {
            admitted += node.await.unwrap();
        }
        assert_eq!(admitted, 10);
    });
}

#[test]
fn parks_for_every_node() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let (one, other) = (server.client("parking"), server.client("parking"));
    run(async {
        one.park("openai/0", Duration::from_secs(100))
            .await
            .unwrap();
        one.park("openai/0", Duration::from_secs(5)).await.unwrap();
        let left = other.parked(&["openai/0", "openai/1"]).await.unwrap();
        assert!(left[0] > Duration::from_secs(50), "{left:?}");
        assert_eq!(left[1], Duration::ZERO);
        assert_eq!(other.parked(&[]).await, Ok(Vec::new()));
    });
}

#[test]
fn speaks_tls_and_signs_in() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let trusted = format!("ssl_ca_certs={}", server.authority());
        for (dsn, works) in [
            (server.tls_dsn("localhost", &trusted), true),
            (server.tls_dsn("127.0.0.1", "ssl_cert_reqs=none"), true),
            // Another name, an unknown signer, a wrong password, none, and no TLS where there is nothing else.
            (server.tls_dsn("127.0.0.1", &trusted), false),
            (server.tls_dsn("localhost", ""), false),
            (server.dsn().replace("s3cr3t", "guess"), false),
            (server.dsn().replace(":s3cr3t@", ""), false),
            (
                server
                    .tls_dsn("localhost", "")
                    .replace("rediss:", "redis:")
                    .replace('?', ""),
                false,
            ),
        ] {
            let redis = open_redis(&dsn, "tls");
            let answer = redis.ping().await;
            assert_eq!(answer.is_ok(), works, "{dsn}: {answer:?}");
            if let Err(error) = answer {
                assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
                assert!(!error.to_string().contains("s3cr3t"), "{error}");
                assert!(matches!(redis.state(), StoreState::Down { .. }));
            }
        }
    });
}

#[test]
fn comes_back_with_its_server() {
    let Some(server) = RedisServer::own() else {
        return;
    };
    let redis = Arc::new(server.client("outage"));
    run(async {
        assert_eq!(redis.state(), StoreState::Unknown);
        redis.lease(&request("a", 60)).await.unwrap();
        assert_eq!(redis.state(), StoreState::Up);
        server.stop();
        let error = redis.lease(&request("b", 60)).await.unwrap_err();
        assert!(error.is_passing(), "{error}");
        // Those right after are turned away without being asked for.
        let error = redis.lease(&request("b", 60)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert!(matches!(redis.state(), StoreState::Down { .. }));

        assert!(server.start_again());
        // It forgot the scripts, and what was leased: history remembers.
        let remembered = GrantRequest {
            spent: 60,
            ..request("c", 60)
        };
        let granted = loop {
            match redis.lease(&remembered).await {
                Ok(grant) => break grant,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        assert_eq!(granted.granted, 40);
        assert_eq!(redis.state(), StoreState::Up);
    });
}
