//! A Redis server.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tempfile::TempDir;

use super::certificate::Certificates;
use super::process::{Process, folder_for_server};
use super::{free_port, is_missing};

/// A server that keeps nothing, on a port in the clear and on one with TLS, both with a password.
#[derive(Debug)]
pub struct RedisServer {
    process: Mutex<Option<Process>>,
    folder: TempDir,
    ports: Mutex<(u16, u16)>,
    certificates: Certificates,
}

static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());

const PASSWORD: &str = "s3cr3t";

impl RedisServer {
    /// The server that tests share, or none where Redis is not installed.
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock();
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::own()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// A server that a test may stop, or none where Redis is not installed.
    pub fn own() -> Option<Self> {
        if is_missing("redis-server", program().is_some()) {
            return None;
        }
        let folder = folder_for_server();
        let server = Self {
            process: Mutex::new(None),
            certificates: Certificates::write(folder.path()),
            folder,
            ports: Mutex::new((0, 0)),
        };
        for _ in 0..10 {
            if server.start_on((free_port(), free_port())) {
                return Some(server);
            }
        }
        panic!("Redis did not start");
    }

    /// Starts it again where it was. Says whether its ports were free.
    pub fn start_again(&self) -> bool {
        let ports = *self.ports.lock();
        self.start_on(ports)
    }

    fn start_on(&self, ports: (u16, u16)) -> bool {
        let (port, tls_port) = (ports.0.to_string(), ports.1.to_string());
        let folder = self.folder.path();
        let certificates = &self.certificates;
        let arguments = [
            OsStr::new("--port"),
            OsStr::new(&port),
            OsStr::new("--tls-port"),
            OsStr::new(&tls_port),
            OsStr::new("--bind"),
            OsStr::new("127.0.0.1"),
            OsStr::new("--requirepass"),
            OsStr::new(PASSWORD),
            OsStr::new("--tls-cert-file"),
            certificates.chain.as_os_str(),
            OsStr::new("--tls-key-file"),
            certificates.key.as_os_str(),
            OsStr::new("--tls-ca-cert-file"),
            certificates.authority.as_os_str(),
            OsStr::new("--tls-auth-clients"),
            OsStr::new("no"),
            OsStr::new("--save"),
            OsStr::new(""),
            OsStr::new("--dir"),
            folder.as_os_str(),
        ];
        let log = folder.join("log");
        let Some(program) = program() else {
            return false;
        };
        let mut process = Process::start(&program, &arguments, &log);
        let ready = process.is_ready(&log, "Ready to accept connections");
        if ready {
            *self.ports.lock() = ports;
            *self.process.lock() = Some(process);
        }
        ready
    }

    /// Stops it. What it held is gone.
    pub fn stop(&self) {
        *self.process.lock() = None;
    }

    /// Its DSN in the clear.
    pub fn dsn(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/1", self.ports.lock().0)
    }

    /// Its DSN with TLS, by this host name.
    pub fn tls_dsn(&self, host: &str, parameters: &str) -> String {
        let port = self.ports.lock().1;
        format!("rediss://:{PASSWORD}@{host}:{port}?{parameters}")
    }

    /// The certificate of whoever signed the server's.
    pub fn authority(&self) -> String {
        self.certificates.authority.display().to_string()
    }

    /// What it answers to a command of one line.
    pub fn command(&self, command: &str) -> String {
        let port = self.ports.lock().0;
        let mut stream =
            TcpStream::connect(("127.0.0.1", port)).expect("it listens on its own port");
        write!(stream, "AUTH {PASSWORD}\r\nSELECT 1\r\n{command}\r\n").expect("it takes a command");
        let answer = BufReader::new(stream).lines().nth(2);
        answer
            .expect("it answers every command")
            .expect("its answers are text")
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let programs = std::env::split_paths(&path).map(|folder| folder.join("redis-server"));
    programs.into_iter().find(|program| program.exists())
}
