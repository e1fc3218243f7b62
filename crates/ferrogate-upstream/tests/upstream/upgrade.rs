//! Connections that go on in another protocol.

use std::future::pending;
use std::time::{Duration, Instant};

use ferrogate_upstream::{Call, CallError, CallErrorKind, Switch, TlsOptions, Upgraded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Upstream, client, read_request, say, soon};
use crate::tls::{Authority, endpoint, loopback_client};

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\nx-said: 1\r\n\r\n";

fn call() -> Call {
    let mut call = Call::get("/v1/realtime?model=m");
    call.headers.insert("upgrade", "h2c".parse().unwrap());
    call.headers
        .insert("sec-websocket-key", "nonce".parse().unwrap());
    call
}

fn upgraded(switch: Result<Switch, CallError>) -> Upgraded {
    match switch.unwrap() {
        Switch::Upgraded(upgraded) => upgraded,
        Switch::Refused(answer) => panic!("refused: {answer:?}"),
    }
}

/// Switches, says `ahead` in the same breath, and sends back what it gets until the peer closes.
async fn echoing(ahead: &'static str) -> Upstream {
    Upstream::start(move |stage, mut stream| async move {
        let request = read_request(&mut stream).await.unwrap();
        stage.report(request).await;
        say(&mut stream, &format!("{SWITCHED}{ahead}")).await;
        let mut piece = [0; 1024];
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            stream.write_all(piece.get(..read).unwrap()).await.unwrap();
        }
        stage.report("closed").await;
    })
    .await
}

#[tokio::test]
async fn bytes_go_both_ways_and_end_with_the_stream() {
    for ahead in ["", "first words"] {
        let mut upstream = echoing(ahead).await;
        let (client, endpoint) = (client(), upstream.endpoint());
        let switch = client.upgrade(&endpoint, call(), "websocket");
        let mut stream = upgraded(soon(switch).await);
        assert_eq!(stream.headers["x-said"], "1");
        assert_eq!(stream.remote, upstream.address);
        let asked = upstream.event().await;
        for field in [
            "GET /v1/realtime?model=m HTTP/1.1\r\n",
            "connection: Upgrade\r\n",
            "upgrade: websocket\r\n",
            "sec-websocket-key: nonce\r\n",
        ] {
            assert!(asked.contains(field), "{asked}");
        }
        assert!(!asked.contains("h2c"), "{asked}");
        for text in ["one", "two"] {
            stream.write_all(text.as_bytes()).await.unwrap();
        }
        let mut back = vec![0; ahead.len() + 6];
        soon(stream.read_exact(&mut back)).await.unwrap();
        assert_eq!(back, format!("{ahead}onetwo").as_bytes());
        drop(stream);
        assert_eq!(upstream.event().await, "closed");
        assert_eq!(client.pooled(), 0);
    }
}

#[tokio::test]
async fn the_upstreams_end_is_the_end() {
    let upstream = Upstream::start(|_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        say(&mut stream, SWITCHED).await;
    })
    .await;
    let (client, endpoint) = (client(), upstream.endpoint());
    let switch = client.upgrade(&endpoint, call(), "websocket");
    let mut stream = upgraded(soon(switch).await);
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_refusal_can_be_read_and_its_connection_is_not_kept() {
    for answer in [
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 4\r\n\r\nnope",
        "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n4\r\nnope\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnope",
    ] {
        let mut upstream = Upstream::answering(answer).await;
        let (client, endpoint) = (client(), upstream.endpoint());
        let switch = client.upgrade(&endpoint, call(), "websocket");
        let Switch::Refused(refusal) = soon(switch).await.unwrap() else {
            panic!("it switched");
        };
        assert!(answer.contains(refusal.status.as_str()));
        assert_eq!(soon(refusal.collect(100)).await.unwrap(), "nope");
        assert!(upstream.event().await.starts_with("GET "));
        assert_eq!(upstream.event().await, "closed");
        assert_eq!(client.pooled(), 0);
    }
}

#[tokio::test]
async fn what_goes_wrong_has_a_name() {
    use CallErrorKind::{Deadline, FirstByteTimeout, Protocol, Reset};
    const BRIEF: Duration = Duration::from_millis(30);
    let other = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: smtp\r\n\r\n";
    let unnamed = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    for (bytes, hangs, limits, kind, seen) in [
        ("", false, (None, None), Reset { answered: false }, false),
        (
            "HTTP/1.1 101",
            false,
            (None, None),
            Reset { answered: false },
            true,
        ),
        (other, true, (None, None), Protocol, true),
        (unnamed, true, (None, None), Protocol, true),
        ("", true, (Some(BRIEF), None), FirstByteTimeout, false),
        ("", true, (None, Some(BRIEF)), Deadline, false),
    ] {
        let upstream = Upstream::start(move |_, mut stream| async move {
            read_request(&mut stream).await.unwrap();
            say(&mut stream, bytes).await;
            if hangs {
                pending::<()>().await;
            }
        })
        .await;
        let mut call = call();
        call.timeouts.first_byte = limits.0;
        call.deadline = limits.1.map(|limit| Instant::now() + limit);
        let (client, endpoint) = (client(), upstream.endpoint());
        let switch = client.upgrade(&endpoint, call, "websocket");
        let error = soon(switch).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.bytes_seen()),
            (kind, seen),
            "{bytes:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_dropped_upgrade_closes_the_connection() {
    let mut upstream = Upstream::start(|stage, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        stage.report("asked").await;
        stage.report_close(&mut stream).await;
    })
    .await;
    let (client, endpoint) = (client(), upstream.endpoint());
    let mut switch = Box::pin(client.upgrade(&endpoint, call(), "websocket"));
    tokio::select! {
        _ = &mut switch => panic!("nobody answered"),
        event = upstream.event() => assert_eq!(event, "asked"),
    }
    drop(switch);
    assert_eq!(upstream.event().await, "closed");
}

/// An upstream that would rather speak HTTP/2 is not given the choice; ordinary calls still are.
#[tokio::test]
async fn only_the_older_protocol_is_offered() {
    let authority = Authority::new();
    let acceptor = authority.server(&["h2", "http/1.1"], false);
    let mut upstream = Upstream::start(move |stage, stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            stage
                .report(String::from_utf8(chosen.unwrap()).unwrap())
                .await;
            if read_request(&mut stream).await.is_some() {
                say(&mut stream, &format!("{SWITCHED}hello")).await;
                stage.report_close(&mut stream).await;
            }
        }
    })
    .await;
    let tls: TlsOptions = authority.trusted();
    let (client, endpoint) = (loopback_client(), endpoint(&upstream, "api.test", tls));
    let switch = client.upgrade(&endpoint, call(), "websocket");
    let mut stream = upgraded(soon(switch).await);
    assert_eq!(upstream.event().await, "http/1.1");
    let mut hello = [0; 5];
    soon(stream.read_exact(&mut hello)).await.unwrap();
    assert_eq!(&hello, b"hello");
    drop(stream);
    assert_eq!(upstream.event().await, "closed");
}
