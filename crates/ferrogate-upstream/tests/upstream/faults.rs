//! The name of everything that can go wrong.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_upstream::{
    Call, CallError, CallErrorKind, Client, ClientSettings, Endpoint, Resolver, Timeouts,
};
use tokio::net::TcpListener;

use crate::support::{Upstream, client, post, read_request, say, soon};

/// How a script goes on after its bytes.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Reset,
    Hang,
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";
const BRIEF: Option<Duration> = Some(Duration::from_millis(30));

/// Sends `bytes` as the answer to a call and returns how the call fails, read to the end.
async fn failure(bytes: String, then: Then, call: Call) -> CallError {
    let upstream = Upstream::start(move |_, mut stream| {
        let bytes = bytes.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            say(&mut stream, &bytes).await;
            match then {
                Then::Close => {}
                Then::Reset => stream.set_zero_linger().unwrap(),
                Then::Hang => std::future::pending().await,
            }
        }
    })
    .await;
    let client = client();
    let ended = soon(async {
        let mut answer = client.call(&upstream.endpoint(), call).await?;
        let error = loop {
            match answer.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => break error,
            }
        };
        // Asked again, a broken answer is still broken.
        assert_eq!(answer.chunk().await.unwrap_err().kind(), error.kind());
        Err(error)
    })
    .await;
    assert_eq!(client.pooled(), 0);
    ended.expect_err("the answer is broken")
}

#[tokio::test]
async fn broken_answers() {
    use CallErrorKind::{Protocol, Reset, Truncated};
    let many = format!("{HEAD}{}\r\n", "x: y\r\n".repeat(129));
    let large = format!("{HEAD}x: {}\r\n\r\n", "y".repeat(70_000));
    let cases: [(&str, Then, CallErrorKind, bool); 15] = [
        ("", Then::Close, Reset { answered: false }, false),
        ("", Then::Reset, Reset { answered: false }, false),
        (HEAD, Then::Close, Reset { answered: false }, true),
        (
            "content-length: 10\r\n\r\n12345",
            Then::Close,
            Truncated,
            true,
        ),
        ("content-length: 10\r\n\r\n", Then::Close, Truncated, true),
        (
            "content-length: 10\r\n\r\n12345",
            Then::Reset,
            Reset { answered: true },
            true,
        ),
        (
            "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
            Then::Close,
            Truncated,
            true,
        ),
        (
            "transfer-encoding: chunked\r\n\r\n5\r\n123",
            Then::Close,
            Truncated,
            true,
        ),
        (
            "transfer-encoding: chunked\r\n\r\n",
            Then::Close,
            Truncated,
            true,
        ),
        (
            "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n",
            Then::Close,
            Truncated,
            true,
        ),
        (
            "transfer-encoding: chunked\r\n\r\nzz\r\n",
            Then::Hang,
            Protocol,
            true,
        ),
        ("SSH-2.0-server\r\n\r\n", Then::Hang, Protocol, true),
        (
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n",
            Then::Hang,
            Protocol,
            true,
        ),
        (&many, Then::Hang, Protocol, true),
        (&large, Then::Hang, Protocol, true),
    ];
    for (bytes, then, kind, seen) in cases {
        let whole = ["", "HTTP/", "SSH"].iter().any(|start| match *start {
            "" => bytes.is_empty(),
            start => bytes.starts_with(start),
        });
        let text = if whole {
            bytes.to_owned()
        } else {
            format!("{HEAD}{bytes}")
        };
        let error = failure(text, then, post()).await;
        let about = bytes.get(..bytes.len().min(60));
        assert_eq!(
            (error.kind(), error.bytes_seen()),
            (kind, seen),
            "{about:?}: {error:?}"
        );
        assert!(!error.is_timeout());
    }
}

#[tokio::test]
async fn slow_answers() {
    use CallErrorKind::{Deadline, FirstByteTimeout, IdleTimeout};
    let none = Timeouts {
        first_byte: None,
        idle: None,
        ..Timeouts::default()
    };
    let begun = format!("{HEAD}content-length: 10\r\n\r\n12345");
    let cases = [
        (
            "",
            Timeouts {
                first_byte: BRIEF,
                ..none
            },
            None,
            FirstByteTimeout,
        ),
        (
            HEAD,
            Timeouts {
                first_byte: BRIEF,
                ..none
            },
            None,
            FirstByteTimeout,
        ),
        (
            &begun,
            Timeouts {
                idle: BRIEF,
                ..none
            },
            None,
            IdleTimeout,
        ),
        ("", none, BRIEF, Deadline),
        (&begun, none, BRIEF, Deadline),
    ];
    for (bytes, timeouts, deadline, kind) in cases {
        let call = Call {
            timeouts,
            deadline: deadline.map(|limit| Instant::now() + limit),
            ..post()
        };
        let error = failure(bytes.to_owned(), Then::Hang, call).await;
        let seen = !bytes.is_empty();
        assert_eq!(
            (error.kind(), error.bytes_seen()),
            (kind, seen),
            "{bytes:?}"
        );
        assert!(error.is_timeout());
    }
}

#[tokio::test]
async fn upstreams_that_cannot_be_reached() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    // Takes the connection and never begins the handshake.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("https://localhost:{}", mute.local_addr().unwrap().port());
    let client = Client::new(ClientSettings {
        resolver: Resolver::with_lookup(Arc::new(|host, port| {
            Box::pin(async move {
                match host.as_str() {
                    "localhost" => Ok(vec![([127, 0, 0, 1], port).into()]),
                    "slow.test" => std::future::pending().await,
                    _ => Err(io::ErrorKind::NotFound.into()),
                }
            })
        })),
        ..ClientSettings::default()
    })
    .unwrap();
    for (url, kind, chain) in [
        (refused.as_str(), CallErrorKind::Connect, 3),
        ("http://no.test", CallErrorKind::Dns, 3),
        ("http://slow.test", CallErrorKind::ConnectTimeout, 1),
        (silent.as_str(), CallErrorKind::ConnectTimeout, 1),
    ] {
        let mut call = post();
        call.timeouts.connect = Duration::from_millis(500);
        let endpoint = Endpoint::parse(url).unwrap();
        let error = soon(client.call(&endpoint, call)).await.unwrap_err();
        assert_eq!((error.kind(), error.bytes_seen()), (kind, false), "{url}");
        assert_eq!(levels(&error), chain, "{error:?}");
    }
}

fn levels(error: &dyn std::error::Error) -> usize {
    std::iter::successors(Some(error), |error| error.source()).count()
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    for framing in [
        "content-length: 10\r\n\r\n1234567890",
        "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\n",
    ] {
        let answer: &'static str = format!("{HEAD}{framing}").leak();
        let upstream = Upstream::answering(answer).await;
        let client = client();
        for (limit, expected) in [
            (10, None),
            (9, Some(CallErrorKind::BodyTooLarge { limit: 9 })),
        ] {
            let answer = client.call(&upstream.endpoint(), post()).await.unwrap();
            let collected = soon(answer.collect(limit)).await;
            assert_eq!(collected.err().map(|error| error.kind()), expected);
        }
        assert_eq!(upstream.accepted(), 1);
    }
}

#[tokio::test]
async fn a_call_that_is_late_is_not_sent() {
    let upstream = Upstream::answering(HEAD).await;
    let call = Call {
        deadline: Some(Instant::now()),
        ..post()
    };
    let error = client().call(&upstream.endpoint(), call).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Deadline);
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test]
async fn errors_do_not_repeat_what_was_sent() {
    let mut call = Call::post("/v1?key=secret-1", "secret-2");
    call.headers
        .insert("authorization", "secret-3".parse().unwrap());
    let error = failure(String::new(), Then::Close, call).await;
    let printed = format!("{error} {error:?}");
    assert!(!printed.contains("secret"), "{printed}");
    assert_eq!(
        error.to_string(),
        "the upstream closed the connection without an answer"
    );
}
