//! Connections that serve more than one call.

use std::time::Duration;

use ferrogate_upstream::{
    Answer, Call, CallError, CallErrorKind, Client, ClientSettings, Endpoint,
};

use tokio::task::JoinSet;

use crate::support::{OK, Upstream, client, post, read_request, say, soon};

#[tokio::test]
async fn calls_in_a_row_share_a_connection() {
    let mut upstream = Upstream::answering(OK).await;
    let (client, endpoint) = (client(), upstream.endpoint());
    for _ in 0..3 {
        let answer = soon(client.call(&endpoint, post())).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.remote),
            (200, upstream.address)
        );
        assert_eq!(answer.collect(10).await.unwrap(), "ok");
        let request = upstream.event().await;
        let lines: Vec<_> = request.lines().collect();
        assert_eq!(lines.first(), Some(&"POST /v1/chat?stream=1 HTTP/1.1"));
        assert!(lines.contains(&format!("host: {}", upstream.address).as_str()));
        assert!(lines.contains(&"content-length: 13"));
        assert_eq!(lines.last(), Some(&r#"{"model":"m"}"#));
    }
    assert_eq!((upstream.accepted(), client.pooled()), (1, 1));
}

#[tokio::test]
async fn calls_at_once_do_not() {
    let upstream = Upstream::answering(OK).await;
    let (client, endpoint) = (client(), upstream.endpoint());
    let first = client.call(&endpoint, post()).await.unwrap();
    drop(first);
    let answers = soon(async {
        tokio::join!(
            client.call(&endpoint, post()),
            client.call(&endpoint, post())
        )
    })
    .await;
    for answer in [answers.0, answers.1] {
        answer.unwrap().collect(10).await.unwrap();
    }
    assert_eq!(client.pooled(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_share_what_they_give_back() {
    const CALLERS: usize = 30;
    let upstream = Upstream::start(|_, mut stream| async move {
        while read_request(&mut stream).await.is_some() {
            say(&mut stream, OK).await;
        }
    })
    .await;
    let (client, endpoint) = (client(), upstream.endpoint());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (client, endpoint) = (client.clone(), endpoint.clone());
        callers.spawn(async move {
            for _ in 0..50 {
                let answer = client.call(&endpoint, post()).await.unwrap();
                assert_eq!(answer.collect(10).await.unwrap(), "ok");
            }
        });
    }
    soon(callers.join_all()).await;
    assert_eq!(client.pooled(), upstream.accepted());
    assert!(upstream.accepted() <= CALLERS, "{}", upstream.accepted());
}

#[tokio::test]
async fn an_answer_nobody_reads_gives_its_connection_back_if_it_is_small() {
    let refusal = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2000\r\n\r\n";
    let answer: &'static str = format!("{refusal}{}", "x".repeat(2000)).leak();
    for (up_to, pooled) in [(2000, 1), (1999, 0)] {
        let upstream = Upstream::answering(answer).await;
        let client = client();
        let refused = client.call(&upstream.endpoint(), post()).await.unwrap();
        assert_eq!(refused.status, 429);
        soon(refused.discard(up_to)).await;
        assert_eq!(client.pooled(), pooled, "{up_to}");
    }
}

#[tokio::test]
async fn answers_that_end_the_connection_are_not_pooled() {
    for (answer, body) in [
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            "ok",
        ),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok"),
    ] {
        let upstream = Upstream::answering(answer).await;
        let client = client();
        let answer = client.call(&upstream.endpoint(), post()).await.unwrap();
        assert_eq!(answer.collect(10).await.unwrap(), body);
        assert_eq!(client.pooled(), 0);
    }
}

#[tokio::test]
async fn bodies_without_length_are_read_to_their_end() {
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n";
    let upstream = Upstream::answering(chunked).await;
    let client = client();
    let mut answer = client.call(&upstream.endpoint(), post()).await.unwrap();
    assert_eq!(soon(answer.chunk()).await.unwrap().unwrap(), "ok");
    assert_eq!(soon(answer.chunk()).await.unwrap(), None);
    assert_eq!(soon(answer.chunk()).await.unwrap(), None);
    assert_eq!(client.pooled(), 1);
}

/// Answers the first request of each connection, except that the first connection breaks on its second.
async fn forgetful() -> Upstream {
    Upstream::start(|stage, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        say(&mut stream, OK).await;
        let again = read_request(&mut stream).await;
        stage
            .report(format!("{} {}", stage.number, again.is_some()))
            .await;
    })
    .await
}

#[tokio::test]
async fn a_connection_that_dies_in_use_costs_a_replayable_call_nothing() {
    let mut upstream = forgetful().await;
    let (client, endpoint) = (client(), upstream.endpoint());
    for _ in 0..2 {
        let call = Call {
            replayable: true,
            ..post()
        };
        let answer = soon(client.call(&endpoint, call)).await.unwrap();
        assert_eq!(answer.collect(10).await.unwrap(), "ok");
    }
    assert_eq!(upstream.event().await, "0 true");
    assert_eq!(upstream.accepted(), 2);
}

#[tokio::test]
async fn a_call_that_was_sent_is_not_repeated_unless_it_may_be() {
    let mut upstream = forgetful().await;
    let (client, endpoint) = (client(), upstream.endpoint());
    let answer = client.call(&endpoint, post()).await.unwrap();
    answer.collect(10).await.unwrap();
    let error = soon(client.call(&endpoint, post())).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Reset { answered: false });
    assert!(!error.bytes_seen());
    assert_eq!(upstream.event().await, "0 true");
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_died_idle_is_noticed_before_use() {
    let mut upstream = Upstream::start(|stage, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        say(&mut stream, OK).await;
        drop(stream);
        stage.report("closed").await;
    })
    .await;
    let (client, endpoint) = (client(), upstream.endpoint());
    for _ in 0..2 {
        // Not replayable: it works only because the dead connection is never tried.
        let answer = soon(client.call(&endpoint, post())).await.unwrap();
        assert_eq!(answer.collect(10).await.unwrap(), "ok");
        assert_eq!(upstream.event().await, "closed");
        soon(async {
            while client.pooled() > 0 {
                client.sweep();
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    assert_eq!(upstream.accepted(), 2);
}

#[tokio::test]
async fn connections_grow_old() {
    let moment = Duration::from_millis(1);
    let default = ClientSettings::default();
    for settings in [
        ClientSettings {
            max_lifetime: moment,
            ..default.clone()
        },
        ClientSettings {
            pool_idle: moment,
            ..default.clone()
        },
        ClientSettings {
            pool_max_idle_per_endpoint: 0,
            ..default.clone()
        },
    ] {
        let upstream = Upstream::answering(OK).await;
        let (client, endpoint) = (Client::new(settings).unwrap(), upstream.endpoint());
        for _ in 0..2 {
            let answer = soon(client.call(&endpoint, post())).await.unwrap();
            answer.collect(10).await.unwrap();
            tokio::time::sleep(2 * moment).await;
        }
        assert_eq!(upstream.accepted(), 2);
    }
}

#[test]
fn everything_moves_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Client>();
    check::<Endpoint>();
    check::<Answer>();
    check::<CallError>();
}

#[test]
fn a_waiting_call_is_small() {
    let (client, endpoint) = (client(), Endpoint::parse("http://localhost").unwrap());
    // Part of the state of every request in flight.
    let size = size_of_val(&client.call(&endpoint, post()));
    assert!(size <= 3072, "{size}");
}

#[test]
fn settings_are_checked() {
    let error = Client::new(ClientSettings {
        pool_idle: Duration::ZERO,
        ..ClientSettings::default()
    });
    assert_eq!(
        error.unwrap_err().to_string(),
        "`pool_idle` is 0ns, which is not between a millisecond and a year"
    );
}

#[test]
fn a_client_outlives_the_runtime_of_its_connections() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let (server, first, second) = (runtime(), runtime(), runtime());
    let upstream = server.block_on(Upstream::answering(OK));
    let (client, endpoint) = (client(), upstream.endpoint());
    let call = || {
        let (client, endpoint) = (client.clone(), endpoint.clone());
        async move {
            let answer = client.call(&endpoint, post()).await.unwrap();
            assert_eq!(soon(answer.collect(10)).await.unwrap(), "ok");
        }
    };
    first.block_on(first.spawn(call())).unwrap();
    second.block_on(second.spawn(call())).unwrap();
    assert_eq!(upstream.accepted(), 1);
    // Waits until the runtime is gone, and its connections with it.
    drop(first);
    second.block_on(second.spawn(call())).unwrap();
}
