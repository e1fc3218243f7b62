//! Redis: the client and cooldowns, against a real server.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_storage::{StoreError, StoreState};

use crate::place::run;
use crate::server::{open_redis, redis_client};
use ferrogate_testkit::RedisServer;

#[test]
fn parks_for_every_node() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    let (one, other) = (
        redis_client(&server, "parking"),
        redis_client(&server, "parking"),
    );
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
    let redis = Arc::new(redis_client(&server, "outage"));
    run(async {
        assert_eq!(redis.state(), StoreState::Unknown);
        let park = async || redis.park("openai/0", Duration::from_secs(9)).await;
        park().await.unwrap();
        assert_eq!(redis.state(), StoreState::Up);
        server.stop();
        let error = park().await.unwrap_err();
        assert!(error.is_passing(), "{error}");
        // Those right after are turned away without being asked for.
        let error = park().await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert!(matches!(redis.state(), StoreState::Down { .. }));

        assert!(server.start_again());
        // It forgot the scripts, too.
        while park().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(redis.state(), StoreState::Up);
    });
}
