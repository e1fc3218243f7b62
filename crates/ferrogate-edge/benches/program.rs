//! What deciding costs for each request: `cargo bench -p ferrogate-edge`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use divan::{AllocProfiler, Bencher, black_box};
use ferrogate_edge::{
    CompileContext, Connection, Exchange, FileInfo, FileSystem, HostIndex, OwnedHead, Program,
    ProgramSource, ProxyRoute, UpstreamRegistry, Verdict, forward_request_headers,
};
use ferrogate_types::route::{
    Dial, Handler, HeaderEdits, HeaderMatch, HeaderOp, LoadBalancing, LoadBalancingPolicy, Matcher,
    MatcherSet, Origin, PassiveHealth, ReverseProxy, Route, TextPattern, UpstreamAddress,
    UpstreamScheme,
};
use http::{HeaderValue, Method};

/// Shows that a chain without dynamic parts allocates nothing.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Two matchers that do not hold, then a fixed answer.
#[divan::bench]
fn static_respond(bencher: Bencher<'_, '_>) {
    let program = program(&[
        route(Some(path("/api/*")), respond("api")),
        route(Some(header("x-debug", "1")), respond("debug")),
        route(Some(path("/health")), respond("ok")),
    ]);
    run(bencher, &program, "/health");
}

/// The same with a path that has to be decoded and lower-cased.
#[divan::bench]
fn static_respond_odd_path(bencher: Bencher<'_, '_>) {
    run(
        bencher,
        &program(&[route(Some(path("/health")), respond("ok"))]),
        "/%48ealth/../Health",
    );
}

/// A header set now, one set from the request, and a body with placeholders.
#[divan::bench]
fn dynamic_respond(bencher: Bencher<'_, '_>) {
    let set = |field: &str, value: &str| HeaderOp::Set {
        field: field.into(),
        value: value.into(),
    };
    let edits = HeaderEdits {
        immediate: vec![set("x-a", "1"), set("x-path", "{path}")],
        deferred: Vec::new(),
        matcher: None,
    };
    run(
        bencher,
        &program(&[
            route(None, Handler::Header(edits)),
            route(None, respond("{method} {uri}")),
        ]),
        "/some/where?q=1",
    );
}

/// The last of a site's routes: beyond some, their number must not show.
#[divan::bench(args = [1, 10, 100, 1_000])]
fn routes_of_a_site(bencher: Bencher<'_, '_>, routes: usize) {
    let routes: Vec<Route> = (0..routes)
        .map(|at| route(Some(path(&format!("/r{at:03}/*"))), respond("ok")))
        .collect();
    let target = format!("/r{:03}/x", routes.len() - 1);
    run(bencher, &program(&routes), &target);
}

/// Host look-up and a site of a hundred routes: the number of sites must not show.
#[divan::bench(args = [1, 1_000])]
fn hosts_of_a_hundred_routes(bencher: Bencher<'_, '_>, hosts: usize) {
    let routes: Vec<Route> = (0..100)
        .map(|at| route(Some(path(&format!("/r{at:03}/*"))), respond("ok")))
        .collect();
    let programs: Vec<Program> = (0..hosts).map(|_| program(&routes)).collect();
    let names: Vec<String> = (0..hosts)
        .map(|at| format!("site-{at}.example.com"))
        .collect();
    let rules = names
        .iter()
        .enumerate()
        .map(|(site, name)| (Some(name.as_str()), site));
    let index = HostIndex::new(rules.chain([(Some("*.example.org"), 0)]));
    let connection = Connection::default();
    let authority = format!("Site-{}.example.com:443", hosts / 2);
    let mut head = OwnedHead::new(Method::GET, "/r050/x");
    bencher.bench_local(|| {
        let site = index
            .find(black_box(authority.as_bytes()))
            .expect("every host has a site");
        let mut exchange = Exchange::new(black_box(Instant::now()), None);
        let program = &programs[site];
        program.run(
            &mut program.start(),
            &mut head,
            &connection,
            &mut exchange,
            &|_, _| false,
        )
    });
}

/// The last of a site's exclusive blocks, with a response inside and a rewrite before it.
#[divan::bench(args = [1, 10, 100, 1_000])]
fn handles_of_a_site(bencher: Bencher<'_, '_>, blocks: usize) {
    let block = |at: usize| {
        let inner = vec![
            route(Some(path("/never")), respond("never")),
            route(None, respond("ok")),
        ];
        route(Some(path(&format!("/h{at:03}*"))), Handler::Handle(inner))
    };
    let blocks: Vec<Route> = (0..blocks).map(block).collect();
    let target = format!("/h{:03}/x", blocks.len() - 1);
    run(bencher, &program(&blocks), &target);
}

/// An expression with a matcher and a placeholder.
#[divan::bench]
fn expression(bencher: Bencher<'_, '_>) {
    let source = "path('/api/*') && {method} in ['GET', 'HEAD']";
    run(
        bencher,
        &program(&[route(
            Some(Matcher::Expression(source.to_owned())),
            respond("ok"),
        )]),
        "/api/x",
    );
}

/// Only the host look-up.
#[divan::bench(args = [1, 1_000, 100_000])]
fn host_lookup(bencher: Bencher<'_, '_>, hosts: usize) {
    let names: Vec<String> = (0..hosts)
        .map(|at| format!("site-{at}.example.com"))
        .collect();
    let index = HostIndex::new(
        names
            .iter()
            .enumerate()
            .map(|(site, name)| (Some(name.as_str()), site)),
    );
    let authority = format!("site-{}.example.com:443", hosts / 2);
    bencher.bench_local(|| index.find(black_box(authority.as_bytes())));
}

/// Choosing one of ten upstreams and giving it back.
#[divan::bench(args = ["random", "round_robin", "client_ip_hash"])]
fn select_upstream(bencher: Bencher<'_, '_>, policy: &str) {
    let (route, connection, head) = proxy(match policy {
        "random" => LoadBalancingPolicy::Random,
        "round_robin" => LoadBalancingPolicy::RoundRobin,
        _ => LoadBalancingPolicy::ClientIpHash,
    });
    let mut exchange = Exchange::new(Instant::now(), Some(CLIENT));
    let now = Instant::now();
    bencher.bench_local(|| {
        route
            .select(
                route.fixed(),
                &head,
                &connection,
                &mut exchange,
                false,
                &[],
                now,
            )
            .map(|lease| lease.index())
    });
}

/// The headers for an upstream: hop-by-hop fields, `X-Forwarded-*`, no edits.
#[divan::bench]
fn forward_headers(bencher: Bencher<'_, '_>) {
    let (_, connection, mut head) = proxy(LoadBalancingPolicy::Random);
    head.headers
        .insert("connection", HeaderValue::from_static("keep-alive"));
    head.headers
        .insert("user-agent", HeaderValue::from_static("bench"));
    bencher
        .with_inputs(|| head.headers.clone())
        .bench_local_refs(|fields| {
            forward_request_headers(fields, &connection, b"site.example", false);
        });
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn proxy(policy: LoadBalancingPolicy) -> (Arc<ProxyRoute>, Connection, OwnedHead) {
    let address = |port| UpstreamAddress {
        scheme: UpstreamScheme::Http,
        dial: Dial::Tcp {
            host: "upstream".to_owned(),
            port,
        },
    };
    let spec = ReverseProxy {
        upstreams: (8000..8010).map(address).collect(),
        load_balancing: LoadBalancing {
            policy,
            retries: 0,
            try_duration: Duration::ZERO,
            try_interval: Duration::ZERO,
            retry_match: Vec::new(),
        },
        passive_health: PassiveHealth {
            fail_duration: Duration::from_secs(10),
            max_fails: 1,
            unhealthy_status: Vec::new(),
            unhealthy_latency: None,
            max_requests: None,
        },
        ..ReverseProxy::default()
    };
    let connection = Connection {
        peer: Some(SocketAddr::new(CLIENT, 4711)),
        ..Connection::default()
    };
    let mut head = OwnedHead::new(Method::GET, "/");
    let mut exchange = Exchange::new(Instant::now(), None);
    let program = program(&[route(None, Handler::ReverseProxy(Box::new(spec)))]);
    let verdict = program.run(
        &mut program.start(),
        &mut head,
        &connection,
        &mut exchange,
        &|_, _| false,
    );
    match verdict {
        Verdict::Proxy(route) => (route, connection, head),
        other => panic!("a site that only proxies gave {other:?}"),
    }
}

fn run(bencher: Bencher<'_, '_>, program: &Program, target: &str) {
    let connection = Connection::default();
    let mut head = OwnedHead::new(Method::GET, target);
    head.headers
        .insert("host", HeaderValue::from_static("site.example"));
    bencher.bench_local(|| -> Verdict {
        let mut exchange = Exchange::new(black_box(Instant::now()), Some(CLIENT));
        program.run(
            &mut program.start(),
            &mut head,
            &connection,
            &mut exchange,
            &|_, _| false,
        )
    });
}

/// An empty disk.
#[derive(Debug)]
struct NoFiles;

impl FileSystem for NoFiles {
    fn stat(&self, _path: &Path) -> Option<FileInfo> {
        None
    }
}

fn program(routes: &[Route]) -> Program {
    let context = CompileContext {
        env: &|_| None,
        file: &|_| Err(io::ErrorKind::NotFound.into()),
        hostname: "bench",
        directory: "/",
        now: || SystemTime::UNIX_EPOCH,
        shutting_down: Arc::new(AtomicBool::new(false)),
        files: Arc::new(NoFiles),
        upstreams: &Arc::new(UpstreamRegistry::default()),
    };
    let source = ProgramSource {
        routes,
        ..ProgramSource::default()
    };
    Program::compile(&source, &context).expect("the routes of a bench compile")
}

fn route(matcher: Option<Matcher>, handler: Handler) -> Route {
    let set = matcher.map(|matcher| {
        Arc::new(MatcherSet {
            name: "@m".to_owned(),
            matchers: vec![matcher],
        })
    });
    Route {
        matcher: set,
        handler,
        origin: Origin {
            directive: "bench".into(),
            place: "bench:1".into(),
        },
    }
}

fn respond(body: &str) -> Handler {
    Handler::Respond {
        status: None,
        body: Some(body.into()),
        close: false,
    }
}

fn path(pattern: &str) -> Matcher {
    Matcher::Path(vec![pattern.into()])
}

fn header(field: &str, value: &str) -> Matcher {
    Matcher::Header(vec![HeaderMatch {
        field: field.to_owned(),
        values: vec![TextPattern::Exact(value.into())],
    }])
}
