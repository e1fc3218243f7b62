//! Calls that share an HTTP/2 connection.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use ferrogate_upstream::{Call, CallError, CallErrorKind, Client, Endpoint};
use futures_util::future::join_all;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::{Stage, Upstream, post, soon};
use crate::tls::{Authority, endpoint, loopback_client};

type Exchange = (Request<RecvStream>, SendResponse<Bytes>);

/// An HTTP/2 upstream with a script for each stream, and a client that trusts it. The script learns the
/// number of its stream on the connection, from zero.
async fn upstream<F>(
    script: impl Fn(Stage, usize, Exchange) -> F + Clone + Send + Sync + 'static,
) -> (Upstream, Client, Endpoint)
where
    F: Future<Output = ()> + Send + 'static,
{
    let authority = Authority::new();
    let acceptor = authority.server(&["h2", "http/1.1"], false);
    let upstream = Upstream::start(move |stage, stream: TcpStream| {
        let (acceptor, script) = (acceptor.clone(), script.clone());
        async move {
            let stream = acceptor.accept(stream).await.unwrap();
            let mut connection = h2::server::handshake(stream).await.unwrap();
            let mut streams = JoinSet::new();
            let mut number = 0;
            while let Some(Ok(exchange)) = connection.accept().await {
                streams.spawn(script(stage.clone(), number, exchange));
                number += 1;
            }
            stage.report("closed").await;
        }
    })
    .await;
    let endpoint = endpoint(&upstream, "api.test", authority.trusted());
    (upstream, loopback_client(), endpoint)
}

fn answer((_, mut respond): Exchange) {
    let mut body = respond.send_response(Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"ok"), true).unwrap();
}

#[tokio::test]
async fn calls_at_once_share_a_connection() {
    let together = Arc::new(Barrier::new(20));
    let (mut upstream, client, endpoint) = upstream(move |stage, _, exchange| {
        let together = Arc::clone(&together);
        async move {
            let request = &exchange.0;
            stage
                .report(format!("{} {}", request.method(), request.uri()))
                .await;
            together.wait().await;
            answer(exchange);
        }
    })
    .await;
    let calls = (0..20).map(|_| async {
        let answer = client.call(&endpoint, post()).await.unwrap();
        assert_eq!(answer.version, Version::HTTP_2);
        assert_eq!(answer.collect(10).await.unwrap(), "ok");
    });
    soon(join_all(calls)).await;
    assert_eq!((upstream.accepted(), client.pooled()), (1, 1));
    let expected = format!("POST {}/v1/chat?stream=1", endpoint.origin());
    assert_eq!(upstream.event().await, expected);
}

#[tokio::test]
async fn a_refused_stream_is_repeated_elsewhere_even_if_not_replayable() {
    let (upstream, client, endpoint) = upstream(|stage, number, mut exchange| async move {
        match (stage.number, number) {
            (0, 1) => exchange.1.send_reset(Reason::REFUSED_STREAM),
            _ => answer(exchange),
        }
    })
    .await;
    for _ in 0..2 {
        let answer = soon(client.call(&endpoint, post())).await.unwrap();
        assert_eq!(answer.collect(10).await.unwrap(), "ok");
    }
    assert_eq!(upstream.accepted(), 2);
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// One frame. RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test]
async fn a_call_behind_a_goodbye_is_repeated_even_if_not_replayable() {
    let authority = Authority::new();
    let acceptor = authority.server(&["h2"], false);
    // Frames by hand, because the goodbye has to name the stream before the one it crosses.
    let upstream = Upstream::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.read_exact(&mut [0; 24]).await.unwrap();
            stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
            let mut answered = false;
            loop {
                let mut head = [0; 9];
                if stream.read_exact(&mut head).await.is_err() {
                    return;
                }
                let [_, high, low, kind, ..] = head;
                let mut payload = vec![0; usize::from(u16::from_be_bytes([high, low]))];
                stream.read_exact(&mut payload).await.unwrap();
                let reply = match kind {
                    HEADERS if answered => frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
                    // `:status 200`, then the body.
                    HEADERS => [frame(HEADERS, 4, 1, &[0x88]), frame(DATA, 1, 1, b"ok")].concat(),
                    _ => continue,
                };
                answered = true;
                stream.write_all(&reply).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    })
    .await;
    let endpoint = endpoint(&upstream, "api.test", authority.trusted());
    let client = loopback_client();
    for _ in 0..2 {
        let answer = soon(client.call(&endpoint, post())).await.unwrap();
        assert_eq!(answer.collect(10).await.unwrap(), "ok");
    }
    assert_eq!(upstream.accepted(), 2);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_the_fault_of_its_sender() {
    let (upstream, client, endpoint) = upstream(|_, number, (_, mut respond)| async move {
        let headers = [0, 129, 2000].get(number).copied().unwrap_or_default();
        let mut head = Response::new(());
        for _ in 0..headers {
            head.headers_mut()
                .append("x-header", "value".parse().unwrap());
        }
        respond.send_response(head, true).unwrap();
    })
    .await;
    soon(client.call(&endpoint, post())).await.unwrap();
    // Both on the reused connection, where a call that nobody answered would be repeated.
    for _ in 0..2 {
        let call = Call {
            replayable: true,
            ..post()
        };
        let error = soon(client.call(&endpoint, call)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.bytes_seen()),
            (CallErrorKind::Protocol, true)
        );
    }
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn any_other_reset_is_not() {
    let (upstream, client, endpoint) = upstream(|_, number, mut exchange| async move {
        match number {
            1 => exchange.1.send_reset(Reason::INTERNAL_ERROR),
            _ => answer(exchange),
        }
    })
    .await;
    let first = soon(client.call(&endpoint, post())).await.unwrap();
    first.collect(10).await.unwrap();
    let error = soon(client.call(&endpoint, post())).await.unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Reset { answered: false });
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn a_body_that_is_cut_off_never_looks_complete() {
    for (reason, length, expected) in [
        (Reason::NO_ERROR, None, CallErrorKind::Truncated),
        (Reason::NO_ERROR, Some("10"), CallErrorKind::Truncated),
        (
            Reason::CANCEL,
            None,
            CallErrorKind::Reset { answered: true },
        ),
    ] {
        let (_upstream, client, endpoint) = upstream(move |_, _, (_, mut respond)| async move {
            let mut head = Response::new(());
            if let Some(length) = length {
                head.headers_mut()
                    .insert("content-length", length.parse().unwrap());
            }
            let mut body = respond.send_response(head, false).unwrap();
            body.send_data(Bytes::from_static(b"ok"), false).unwrap();
            // Lets the data go out first: a reset discards what is still queued.
            tokio::task::yield_now().await;
            body.send_reset(reason);
        })
        .await;
        let error = soon(async {
            let mut answer = client.call(&endpoint, post()).await?;
            while answer.chunk().await?.is_some() {}
            Ok::<_, CallError>(())
        })
        .await
        .unwrap_err();
        assert_eq!(error.kind(), expected, "{reason:?} {error:?}");
    }
}

/// Reports when the caller has reset the stream.
async fn await_reset(stage: Stage, mut respond: SendResponse<Bytes>) {
    stage.report("asked").await;
    let reason = std::future::poll_fn(|cx| respond.poll_reset(cx))
        .await
        .unwrap();
    stage.report(format!("reset {reason:?}")).await;
}

#[tokio::test]
async fn a_dropped_call_resets_its_stream_only() {
    let (mut upstream, client, endpoint) =
        upstream(|stage, _, (_, respond)| await_reset(stage, respond)).await;
    let mut call = Box::pin(client.call(&endpoint, post()));
    tokio::select! {
        _ = &mut call => panic!("nobody answered"),
        event = upstream.event() => assert_eq!(event, "asked"),
    }
    drop(call);
    assert_eq!(upstream.event().await, "reset CANCEL");
    assert_eq!(client.pooled(), 1);
}

#[tokio::test]
async fn a_dropped_answer_resets_its_stream_only() {
    let (mut upstream, client, endpoint) = upstream(|stage, _, (_, mut respond)| async move {
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        body.send_data(Bytes::from_static(b"ok"), false).unwrap();
        let reason = std::future::poll_fn(|cx| body.poll_reset(cx))
            .await
            .unwrap();
        stage.report(format!("reset {reason:?}")).await;
    })
    .await;
    let mut answer = soon(client.call(&endpoint, post())).await.unwrap();
    assert_eq!(soon(answer.chunk()).await.unwrap().unwrap(), "ok");
    drop(answer);
    assert_eq!(upstream.event().await, "reset CANCEL");
    assert_eq!(client.pooled(), 1);
}

#[tokio::test]
async fn the_connection_closes_with_its_last_holder() {
    let (mut upstream, client, endpoint) =
        upstream(|_, _, exchange| async move { answer(exchange) }).await;
    let answer = soon(client.call(&endpoint, post())).await.unwrap();
    drop(client);
    assert_eq!(answer.collect(10).await.unwrap(), "ok");
    assert_eq!(upstream.event().await, "closed");
}

#[tokio::test]
async fn an_upstream_waits_for_a_slow_reader() {
    let (mut upstream, client, endpoint) = upstream(|stage, _, (_, mut respond)| async move {
        let mut body = respond.send_response(Response::new(()), false).unwrap();
        let mut granted = 0;
        body.reserve_capacity(8 << 20);
        // Capacity is granted as the window allows: it stops at the window of the stream.
        while granted < 1 << 20 {
            let more = std::future::poll_fn(|cx| body.poll_capacity(cx))
                .await
                .unwrap()
                .unwrap();
            body.send_data(Bytes::from(vec![b'x'; more]), false)
                .unwrap();
            granted += more;
        }
        let beyond =
            std::future::poll_fn(|cx| std::task::Poll::Ready(body.poll_capacity(cx).is_pending()))
                .await;
        stage.report(format!("{granted} {beyond}")).await;
        std::future::pending::<()>().await;
    })
    .await;
    let _unread = soon(client.call(&endpoint, post())).await.unwrap();
    assert_eq!(upstream.event().await, format!("{} true", 1 << 20));
}
