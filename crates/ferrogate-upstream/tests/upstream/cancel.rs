//! Callers that leave or read slowly.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::support::{Upstream, client, post, read_request, say, soon};

#[tokio::test]
async fn a_dropped_call_closes_the_connection() {
    let mut upstream = Upstream::start(|stage, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        stage.report("asked").await;
        stage.report_close(&mut stream).await;
    })
    .await;
    let (client, endpoint) = (client(), upstream.endpoint());
    let mut call = Box::pin(client.call(&endpoint, post()));
    tokio::select! {
        _ = &mut call => panic!("nobody answered"),
        event = upstream.event() => assert_eq!(event, "asked"),
    }
    drop(call);
    assert_eq!(upstream.event().await, "closed");
    assert_eq!(client.pooled(), 0);
}

#[tokio::test]
async fn a_dropped_answer_closes_the_connection() {
    let mut upstream = Upstream::start(|stage, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        say(
            &mut stream,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
        )
        .await;
        stage.report_close(&mut stream).await;
    })
    .await;
    let (client, endpoint) = (client(), upstream.endpoint());
    let mut answer = soon(client.call(&endpoint, post())).await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "ok");
    drop(answer);
    assert_eq!(upstream.event().await, "closed");
    assert_eq!(client.pooled(), 0);
}

#[tokio::test]
async fn a_wait_for_a_chunk_can_be_given_up_and_taken_up_again() {
    let mut upstream = Upstream::start(|stage, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n").await;
        for piece in ["one", "two"] {
            stage.report("next").await;
            say(&mut stream, piece).await;
        }
        stage.report_close(&mut stream).await;
    })
    .await;
    let (client, endpoint) = (client(), upstream.endpoint());
    let mut answer = soon(client.call(&endpoint, post())).await.unwrap();
    let mut body = Vec::new();
    soon(async {
        loop {
            // Given up after a single poll, again and again, in the middle of everything.
            tokio::select! {
                biased;
                chunk = answer.chunk() => match chunk.unwrap() {
                    Some(chunk) => body.extend_from_slice(&chunk),
                    None => break,
                },
                () = tokio::task::yield_now() => {}
            }
        }
    })
    .await;
    assert_eq!(body, b"onetwo");
    assert_eq!(upstream.event().await, "next");
}

#[tokio::test]
async fn an_upstream_waits_for_a_slow_reader() {
    let mut upstream = Upstream::start(|stage, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        say(
            &mut stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n",
        )
        .await;
        let block = vec![b'x'; 65_536];
        let mut written = 0;
        loop {
            match timeout(Duration::from_millis(300), stream.write_all(&block)).await {
                Ok(Ok(())) => written += block.len(),
                Ok(Err(_)) => return,
                Err(_) => break,
            }
        }
        stage.report(written.to_string()).await;
        stage.report_close(&mut stream).await;
    })
    .await;
    let client = client();
    let mut answer = soon(client.call(&upstream.endpoint(), post()))
        .await
        .unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.len() <= 65_536, "{}", first.len());
    let written: usize = upstream.event().await.parse().unwrap();
    // What the kernel buffers on both sides of a socket, and nothing of ours.
    assert!(written < 16 << 20, "{written}");
}
