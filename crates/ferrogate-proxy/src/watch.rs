//! Noticing that the caller left.

use std::future::Future;

use pingora_error::ErrorType;
use pingora_proxy::Session;

/// Runs `work` unless the caller leaves first; `work` is dropped then, which cancels it.
pub(crate) async fn unless_gone<T>(
    session: &mut Session,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = gone(session) => None,
    }
}

/// Resolves when the caller closes the connection or resets the stream.
///
/// # Cancel safety
///
/// Cancel safe: while it waits nothing has been read.
pub(crate) async fn gone(session: &mut Session) {
    let ended = session.as_downstream_mut().read_body_or_idle(true).await;
    if let Err(error) = ended
        && *error.etype() == ErrorType::ConnectError
    {
        // Bytes of a next request, sent before this one was answered: the caller is there. One of them is lost, so
        // the connection cannot be used for it.
        session.set_keepalive(None);
        std::future::pending::<()>().await;
    }
}
