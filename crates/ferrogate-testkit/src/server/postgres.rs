//! A PostgreSQL server.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tempfile::TempDir;

use super::certificate::Certificates;
use super::process::{Process, folder_for_server, give_to_server};
use super::{free_port, is_missing};

/// A server with a folder of its own: on a socket it lets everybody in, on its port whoever has the password.
#[derive(Debug)]
pub struct Postgres {
    process: Mutex<Option<Process>>,
    programs: PathBuf,
    folder: TempDir,
    port: Mutex<u16>,
    certificates: Certificates,
    databases: AtomicU32,
}

/// The one that tests share: making one takes a second or two.
static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// The password of the server's only user.
const PASSWORD: &str = "s3cr3t";

impl Postgres {
    /// The server that tests share, or none where PostgreSQL is not installed.
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock();
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::own()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// A server that a test may stop, or none where PostgreSQL is not installed.
    pub fn own() -> Option<Self> {
        let programs = programs();
        if is_missing("postgresql", programs.is_some()) {
            return None;
        }
        let programs = programs?;
        let folder = folder_for_server();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("the temporary folder is writable");
        give_to_server(&password);
        let password = format!("--pwfile={}", password.display());
        let data = format!("--pgdata={}", folder.path().join("data").display());
        let arguments = [
            "--username=ferrogate",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            &password,
            &data,
        ];
        Process::run(&programs.join("initdb"), &arguments.map(OsStr::new));
        let server = Self {
            process: Mutex::new(None),
            programs,
            certificates: Certificates::write(folder.path()),
            folder,
            port: Mutex::new(0),
            databases: AtomicU32::new(0),
        };
        for _ in 0..10 {
            if server.start_on(free_port()) {
                return Some(server);
            }
        }
        panic!("PostgreSQL did not start");
    }

    /// Starts it again where it was. Says whether its port was free.
    pub fn start_again(&self) -> bool {
        let port = *self.port.lock();
        self.start_on(port)
    }

    fn start_on(&self, port: u16) -> bool {
        let folder = self.folder.path();
        let settings = [
            format!("port={port}"),
            format!("unix_socket_directories={}", folder.display()),
            format!("ssl_cert_file={}", self.certificates.chain.display()),
            format!("ssl_key_file={}", self.certificates.key.display()),
            "listen_addresses=127.0.0.1".to_owned(),
            "ssl=on".to_owned(),
            "fsync=off".to_owned(),
            "max_connections=200".to_owned(),
        ];
        let data = folder.join("data");
        let mut arguments = vec![OsStr::new("-D"), data.as_os_str()];
        for setting in &settings {
            arguments.extend([OsStr::new("-c"), OsStr::new(setting)]);
        }
        let log = folder.join("log");
        let mut process = Process::start(&self.programs.join("postgres"), &arguments, &log);
        let ready = process.is_ready(&log, "database system is ready to accept connections");
        if ready {
            *self.port.lock() = port;
            *self.process.lock() = Some(process);
        }
        ready
    }

    /// Stops it. Connections end at once.
    pub fn stop(&self) {
        *self.process.lock() = None;
    }

    /// The DSN of a new and empty database, on the socket.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run_sql("postgres", &format!("CREATE DATABASE {name}"));
        self.on_socket(&name)
    }

    /// The DSN of a database, on the socket.
    pub fn on_socket(&self, name: &str) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://ferrogate@{folder}:{}/{name}", self.port.lock())
    }

    /// The DSN of the database that is always there, on the port, by this host name.
    pub fn on_port(&self, host: &str, parameters: &str) -> String {
        let port = self.port.lock();
        format!("postgres://ferrogate:{PASSWORD}@{host}:{port}/postgres?{parameters}")
    }

    /// The certificate of whoever signed the server's.
    pub fn authority(&self) -> &Path {
        &self.certificates.authority
    }

    /// Runs statements as the server's own client does.
    pub fn run_sql(&self, database: &str, sql: &str) {
        let arguments = [
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--dbname",
            &self.on_socket(database),
            "--command",
            sql,
        ];
        Process::run(&self.programs.join("psql"), &arguments.map(OsStr::new));
    }
}

/// Where the newest PostgreSQL's programs are: Debian has several versions, none of whose servers is on the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let of_version = versions.flatten().filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let programs = version.path().join("bin");
        programs
            .join("postgres")
            .exists()
            .then_some((number, programs))
    });
    of_version.max().map(|(_, programs)| programs)
}
