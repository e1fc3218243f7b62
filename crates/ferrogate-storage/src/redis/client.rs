//! Asking Redis.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::sync::Semaphore;

use crate::dsn::{DsnError, RedisDsn};
use crate::error::StoreError;
use crate::redis::connection::{Connection, refused};
use crate::redis::gate::Gate;
use crate::redis::reply::Reply;
use crate::redis::script::{SCRIPTS, Script};
use crate::state::StoreState;
use crate::tls::TlsSettings;

/// How Redis is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// Connections at once, which is also how many calls are under way at once.
    pub connections: usize,
    /// How long a call waits for a connection in use, and how long for its answer.
    pub timeout: Duration,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// What every name begins with, so that several installations may share a server.
    pub prefix: String,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            connections: 16,
            timeout: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(1),
            prefix: "ferrogate".to_owned(),
        }
    }
}

/// Decides what nodes decide together: grants, rates and cooldowns.
///
/// Opening one connects to nothing. A call that finds no answer fails within its timeouts, and those right after it at
/// once, so that a server that is gone costs requests nothing. What to do without an answer is up to the caller.
#[derive(Debug)]
pub struct Redis {
    dsn: RedisDsn,
    tls: Option<Arc<ClientConfig>>,
    settings: RedisSettings,
    places: Semaphore,
    idle: Mutex<Vec<Connection>>,
    gate: Gate,
    /// Redis' names of the scripts.
    names: [OnceLock<String>; SCRIPTS],
    state: Mutex<StoreState>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Redis {
    /// A server at this place. Reads the certificates the DSN names, and for TLS those of the system: do not call
    /// this on a worker.
    pub fn open(dsn: &RedisDsn, settings: RedisSettings) -> Result<Self, DsnError> {
        let tls = dsn.tls.as_ref().map(TlsSettings::client).transpose()?;
        Ok(Self {
            dsn: dsn.clone(),
            tls,
            places: Semaphore::new(settings.connections.max(1)),
            settings,
            idle: Mutex::default(),
            gate: Gate::default(),
            names: Default::default(),
            state: Mutex::new(StoreState::Unknown),
        })
    }

    /// How it is doing, by the last call.
    pub fn state(&self) -> StoreState {
        self.state.lock().clone()
    }

    /// Asks whether it is there.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.ask(&[b"PING"], None).await.map(|_| ())
    }

    /// A name of ours.
    pub(super) fn name(&self, kind: &str, name: &str) -> String {
        format!("{}:{kind}:{name}", self.settings.prefix)
    }

    /// Why calls are turned away without being asked, where they are.
    pub(super) fn turned_away(&self) -> Option<String> {
        self.gate.reason()
    }

    /// Runs a script.
    pub(super) async fn run(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[String],
    ) -> Result<Reply, StoreError> {
        self.run_within(script, keys, arguments, None).await
    }

    /// Runs a script, within a time that may be shorter than those of the settings.
    pub(super) async fn run_within(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[String],
        patience: Option<Duration>,
    ) -> Result<Reply, StoreError> {
        let until = patience.map(|patience| Instant::now() + patience);
        let count = keys.len().to_string();
        let rest = keys.iter().chain(arguments).map(String::as_bytes);
        let command = |verb, script| -> Vec<&[u8]> {
            let head: [&[u8]; 3] = [verb, script, count.as_bytes()];
            head.into_iter().chain(rest.clone()).collect()
        };
        let name = self.script_name(script, until).await?;
        match self.ask(&command(b"EVALSHA", name.as_bytes()), until).await {
            // It was started anew, and learns the script again by running it.
            Err(StoreError::Refused(error)) if error.starts_with("NOSCRIPT") => {
                self.ask(&command(b"EVAL", script.text.as_bytes()), until)
                    .await
            }
            other => other,
        }
    }

    /// Redis' name of a script, which it gives when it is told the text.
    async fn script_name(
        &self,
        script: &Script,
        until: Option<Instant>,
    ) -> Result<String, StoreError> {
        let slot = self.names.get(script.index);
        if let Some(name) = slot.and_then(OnceLock::get) {
            return Ok(name.clone());
        }
        let load: [&[u8]; 3] = [b"SCRIPT", b"LOAD", script.text.as_bytes()];
        let Reply::Text(name) = self.ask(&load, until).await? else {
            return Err(super::number::unexpected());
        };
        if let Some(slot) = slot {
            slot.get_or_init(|| name.clone());
        }
        Ok(name)
    }

    /// Sends a command. Whatever it takes, it ends `until` then.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the command may or may not have been run; its connection is closed.
    async fn ask(&self, arguments: &[&[u8]], until: Option<Instant>) -> Result<Reply, StoreError> {
        self.gate
            .enter(Instant::now())
            .map_err(StoreError::Unavailable)?;
        let result = self.exchange(arguments, until).await;
        match &result {
            // Being in use says nothing of the server.
            Err(StoreError::Busy(_)) => {}
            Err(error) if error.is_passing() => {
                // Those beside it are no better.
                self.idle.lock().clear();
                self.gate.close(Instant::now(), text_of(error));
            }
            Ok(_) | Err(_) => self.gate.open(),
        }
        self.state.lock().note("redis", &result);
        result
    }

    async fn exchange(
        &self,
        arguments: &[&[u8]],
        until: Option<Instant>,
    ) -> Result<Reply, StoreError> {
        let left = || until.map(|until| until.saturating_duration_since(Instant::now()));
        let within = |patience: Duration| left().map_or(patience, |left| patience.min(left));
        let timeout = self.settings.timeout;
        // At most half of what is left, so that a long line here is not taken for a server that does not answer.
        let in_line = left().map_or(timeout, |left| timeout.min(left / 2));
        let _place = match tokio::time::timeout(in_line, self.places.acquire()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(StoreError::Unavailable("it was closed".to_owned())),
            Err(_) => return Err(StoreError::Busy("every connection is in use".to_owned())),
        };
        let idle = self.idle.lock().pop();
        let mut connection = if let Some(connection) = idle {
            connection
        } else {
            let connecting = Connection::open(&self.dsn, self.tls.as_ref());
            let patience = within(self.settings.connect_timeout);
            tokio::time::timeout(patience, connecting)
                .await
                .map_err(|_| StoreError::TimedOut(patience))??
        };
        let patience = within(timeout);
        let reply = tokio::time::timeout(patience, connection.command(arguments))
            .await
            .map_err(|_| StoreError::TimedOut(patience))??;
        self.idle.lock().push(connection);
        match reply {
            Reply::Error(error) => Err(refused(&error)),
            reply => Ok(reply),
        }
    }
}

/// An error as the next one that is turned away repeats it.
fn text_of(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(text) => text.clone(),
        other => other.to_string(),
    }
}
