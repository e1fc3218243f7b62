//! What the tests of this crate start from.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use ferrogate_types::route::{Handler, Matcher, MatcherSet, Origin, Route};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::compile::{CompileContext, CompileError, Compiler};
use crate::connection::{Connection, TlsInfo};
use crate::exchange::Exchange;
use crate::files::{FileInfo, FileSystem};
use crate::head::OwnedHead;
use crate::placeholder::View;
use crate::program::{Cursor, Program, ProgramSource, Verdict};
use crate::response::Finish;
use crate::upstream::UpstreamRegistry;

/// A request to `Site.example:8080` from 192.0.2.1.
pub(crate) struct Fixture {
    pub(crate) head: OwnedHead,
    pub(crate) connection: Connection,
    pub(crate) exchange: Exchange,
}

impl Fixture {
    pub(crate) fn get(target: impl Into<Vec<u8>>) -> Self {
        let peer = "192.0.2.1:5000".parse().unwrap();
        let connection = Connection {
            peer: Some(peer),
            ..Connection::default()
        };
        let exchange = Exchange::new(Instant::now(), Some("203.0.113.9".parse().unwrap()));
        Self {
            head: OwnedHead::new(Method::GET, target),
            connection,
            exchange,
        }
        .with("host", "Site.example:8080")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.head
            .headers
            .append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    pub(crate) fn over_tls(mut self) -> Self {
        let (version, cipher) = ("tls1.3".to_owned(), "TLS_AES_128_GCM_SHA256".to_owned());
        self.connection.tls = Some(Arc::new(TlsInfo {
            version,
            cipher,
            server_name: Some("site.example".to_owned()),
            ..TlsInfo::default()
        }));
        self
    }

    pub(crate) fn view(&self) -> View<'_> {
        View {
            head: &self.head,
            connection: &self.connection,
            exchange: &self.exchange,
            response: None,
        }
    }

    pub(crate) fn run(&mut self, program: &Program) -> Verdict {
        self.go_on(program, &mut program.start())
    }

    /// Runs to the next verdict.
    pub(crate) fn go_on(&mut self, program: &Program, cursor: &mut Cursor) -> Verdict {
        program.run(
            cursor,
            &mut self.head,
            &self.connection,
            &mut self.exchange,
            &|gateway, path| gateway == 0 && path == "/v1/models",
        )
    }

    /// Finishes an answer.
    pub(crate) fn finish(
        &mut self,
        status: &mut u16,
        length: Option<u64>,
        response: &mut HeaderMap,
    ) -> Finish {
        self.exchange
            .finish_response(&self.head, &self.connection, status, length, response)
    }

    pub(crate) fn target(&self) -> &str {
        std::str::from_utf8(&self.head.target).unwrap()
    }
}

/// Compiles one piece; `GREETING` is set to `hello`, `/etc/motd` holds a line, the clock stands.
pub(crate) fn compiled<T>(
    compile: impl FnOnce(&mut Compiler<'_>) -> T,
) -> Result<T, Vec<CompileError>> {
    in_context(|context| {
        let mut compiler = Compiler::new(context);
        let piece = compile(&mut compiler);
        compiler.finish().map(|_| piece)
    })
}

/// Compiles routes in the same world.
pub(crate) fn program(routes: &[Route]) -> Result<Program, Vec<CompileError>> {
    site(&ProgramSource {
        routes,
        ..ProgramSource::default()
    })
}

/// Compiles a whole site in the same world.
pub(crate) fn site(source: &ProgramSource<'_>) -> Result<Program, Vec<CompileError>> {
    in_context(|context| Program::compile(source, context))
}

/// Directories and files with their sizes; a file changed as many seconds after 1970 as its size is.
#[derive(Debug)]
struct Tree(&'static [(&'static str, Option<u64>)]);

impl FileSystem for Tree {
    fn stat(&self, path: &Path) -> Option<FileInfo> {
        let (_, size) = self.0.iter().find(|(known, _)| Path::new(known) == path)?;
        Some(FileInfo {
            is_dir: size.is_none(),
            size: size.unwrap_or(0),
            modified: size.map(|size| SystemTime::UNIX_EPOCH + Duration::from_secs(size)),
        })
    }
}

const TREE: Tree = Tree(&[
    ("/etc/passwd", Some(5)),
    ("/srv", None),
    ("/srv/a b.txt", Some(1)),
    ("/srv/app", None),
    ("/srv/app/index.php", Some(30)),
    ("/srv/index.html", Some(20)),
    ("/srv/small.txt", Some(2)),
]);

/// A route in line 1.
pub(crate) fn route(directive: &str, matchers: &[Matcher], handler: Handler) -> Route {
    let set = MatcherSet {
        name: "@m".to_owned(),
        matchers: matchers.to_vec(),
    };
    let matcher = (!matchers.is_empty()).then(|| Arc::new(set));
    Route {
        matcher,
        handler,
        origin: Origin {
            directive: directive.into(),
            place: "Caddyfile:1".into(),
        },
    }
}

fn in_context<T>(run: impl FnOnce(&CompileContext<'_>) -> T) -> T {
    run(&CompileContext {
        env: &|name| (name == "GREETING").then(|| "hello".to_owned()),
        file: &|path| {
            let found = path == Path::new("/etc/motd");
            found
                .then(|| "welcome {host}\r\n".to_owned())
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        },
        hostname: "edge-1",
        now: || SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_250),
        directory: "/srv",
        shutting_down: Arc::new(AtomicBool::new(false)),
        files: Arc::new(TREE),
        upstreams: &Arc::new(UpstreamRegistry::default()),
    })
}
