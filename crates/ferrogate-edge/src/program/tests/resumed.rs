//! Tests of programs that stop and go on: verdicts to come back from, failures, answers that are handled.

use ferrogate_types::route::{
    Account, BasicAuth, CopiedFields, ErrorRoutes, FileServer, Intercept, NamedRoute,
    ResponseAction, ResponseHandler, ResponseMatcher, StatusPattern,
};
use http::header::HeaderName;

use super::*;
use crate::testing::site;

/// Runs to the end, coming back from every verdict that can be; failures enter the error routes.
fn story(program: &Program, fixture: &mut Fixture) -> Vec<String> {
    let mut cursor = program.start();
    let mut told = Vec::new();
    loop {
        let verdict = fixture.go_on(program, &mut cursor);
        match verdict {
            Verdict::Respond(answer) => {
                let body = String::from_utf8(answer.body.to_vec()).unwrap();
                told.push(format!("{} {body}", answer.status));
                return told;
            }
            Verdict::Fail { status, message } => {
                told.push(format!("fail {status}"));
                let (head, exchange) = (&mut fixture.head, &mut fixture.exchange);
                if !program.fail(&mut cursor, head, exchange, status, message) {
                    told.push(format!("bare {:?}", exchange.error_status().unwrap()));
                    return told;
                }
            }
            Verdict::Unhandled => {
                told.push("unhandled".to_owned());
                return told;
            }
            other => told.push(format!("{other:?}")),
        }
    }
}

fn check_site(source: &ProgramSource<'_>, target: &str, expected: &[&str]) {
    let program = site(source).unwrap();
    assert_eq!(
        story(&program, &mut Fixture::get(target)),
        expected,
        "{target}"
    );
}

fn of_routes(routes: &[Route]) -> ProgramSource<'_> {
    ProgramSource {
        routes,
        ..ProgramSource::default()
    }
}

fn error(status: &str) -> Route {
    route(
        "error",
        &[],
        Handler::Error {
            status: Some(status.into()),
            message: None,
        },
    )
}

fn on_errors(codes: &[StatusPattern], routes: Vec<Route>) -> ErrorRoutes {
    ErrorRoutes {
        codes: codes.to_vec(),
        routes,
        origin: route("handle_errors", &[], Handler::Abort).origin,
    }
}

fn named(name: &str, routes: Vec<Route>) -> NamedRoute {
    NamedRoute {
        name: name.to_owned(),
        routes,
        origin: route("&", &[], Handler::Abort).origin,
    }
}

fn invoke(index: usize) -> Route {
    route("invoke", &[], Handler::Invoke(index))
}

fn basic_auth() -> Route {
    let spec = BasicAuth {
        realm: "restricted".to_owned(),
        accounts: vec![Account {
            user: "ann".to_owned(),
            hash: ferrogate_types::Secret::literal("$2a$x"),
        }],
    };
    route("basic_auth", &[], Handler::BasicAuth(spec))
}

fn file_server() -> FileServer {
    FileServer {
        root: None,
        hide: vec!["{path}.bak".into()],
        index: vec!["index.html".into()],
        browse: None,
        precompressed: Vec::new(),
        status: None,
        pass_thru: true,
        canonical_uris: true,
        etag_file_extensions: Vec::new(),
    }
}

#[test]
fn the_walk_goes_on_behind_a_verdict() {
    let routes = [
        basic_auth(),
        handle_if(
            &path(&["/a/*"]),
            vec![
                route("file_server", &[], Handler::FileServer(file_server())),
                respond_if(&path(&["/a/1"]), "inner"),
            ],
        ),
        handle_if(&[], vec![respond("fallback")]),
        route("metrics", &[], Handler::Metrics),
    ];
    let auth = "Authenticate(\"restricted\")";
    let source = of_routes(&routes);
    check_site(&source, "/a/1", &[auth, "Files", "200 inner"]);
    check_site(&source, "/b", &[auth, "200 fallback"]);
    // `handle` excludes its siblings also when the walk stopped inside of it.
    check_site(&source, "/a/2", &[auth, "Files", "Metrics", "unhandled"]);
}

#[test]
fn the_end_stays_the_end() {
    let program = program(&[respond_if(&path(&["/a"]), "a")]).unwrap();
    let mut fixture = Fixture::get("/");
    let mut cursor = program.start();
    for _ in 0..3 {
        assert!(matches!(
            fixture.go_on(&program, &mut cursor),
            Verdict::Unhandled
        ));
    }
}

#[test]
fn error_routes_run_with_the_first_target_and_status() {
    let routes = [
        rewrite_if(&[], "/rewritten"),
        route("method", &[], Handler::Method("post".into())),
        error("{query.s}"),
    ];
    let seen = "{err.status_code} {err.status_text} {method} {uri} {orig_uri}";
    let errors = [
        on_errors(&[], vec![respond(&format!("any {seen}"))]),
        on_errors(
            &[StatusPattern::Code(404), StatusPattern::Class(5)],
            vec![respond(&format!("some {seen}"))],
        ),
        on_errors(&[StatusPattern::Code(404)], vec![respond("never")]),
    ];
    let source = ProgramSource {
        routes: &routes,
        errors: &errors,
        ..ProgramSource::default()
    };
    let program = site(&source).unwrap();
    for (status, expected) in [
        ("404", "404 some 404 Not Found GET /?s=404 /?s=404"),
        (
            "503",
            "503 some 503 Service Unavailable GET /?s=503 /?s=503",
        ),
        ("403", "403 any 403 Forbidden GET /?s=403 /?s=403"),
    ] {
        // The status is read before the target is rewritten.
        let mut fixture = Fixture::get(format!("/?s={status}"));
        let told = story(&program, &mut fixture);
        assert_eq!(told, [format!("fail {status}"), expected.to_owned()]);
    }
}

#[test]
fn an_error_route_that_fails_leaves_the_first_status() {
    let routes = [error("404")];
    let fails = on_errors(&[StatusPattern::Code(404)], vec![error("500")]);
    let falls_through = on_errors(&[StatusPattern::Code(404)], vec![]);
    let source = |errors| ProgramSource {
        routes: &routes,
        errors,
        ..ProgramSource::default()
    };
    let fails = [fails];
    check_site(&source(&fails), "/", &["fail 404", "fail 500", "bare 404"]);
    let falls_through = [falls_through];
    check_site(&source(&falls_through), "/", &["fail 404", "unhandled"]);
    check_site(&source(&[]), "/", &["fail 404", "bare 404"]);
}

#[test]
fn named_routes_return() {
    let inner = named(
        "inner",
        vec![
            rewrite_if(&path(&["/x"]), "/y"),
            rewrite_if(&path(&["/y"]), "/z"),
        ],
    );
    let outer = named("outer", vec![invoke(0), respond_if(&path(&["/stop"]), "s")]);
    let routes = [
        handle_if(&[], vec![invoke(1)]),
        // Invoked anew, the group is open again.
        invoke(0),
        respond("{path}"),
    ];
    let source = ProgramSource {
        routes: &routes,
        named: &[inner, outer],
        ..ProgramSource::default()
    };
    check_site(&source, "/x", &["200 /z"]);
    check_site(&source, "/stop", &["200 s"]);
}

#[test]
fn endless_invocations_end() {
    let routes = [invoke(0)];
    let source = ProgramSource {
        routes: &routes,
        named: &[named("loop", vec![invoke(0)])],
        ..ProgramSource::default()
    };
    check_site(&source, "/", &["fail 500", "bare 500"]);
    let missing = site(&of_routes(&routes)).unwrap_err();
    assert_eq!(
        missing[0].to_string(),
        "Caddyfile:1: `invoke` invokes a route that does not exist"
    );
}

#[test]
fn an_intercepted_answer_is_handled_once() {
    let handler = |codes: &[StatusPattern], routes| ResponseHandler {
        matcher: Some(ResponseMatcher {
            name: "@x".to_owned(),
            status: codes.to_vec(),
            headers: Vec::new(),
        }),
        action: ResponseAction::Routes(routes),
        origin: route("handle_response", &[], Handler::Abort).origin,
    };
    let copies = vec![
        route(
            "copy_response_headers",
            &path(&["/copy"]),
            Handler::CopyResponseHeaders(CopiedFields::Include(vec!["x-kept".to_owned()])),
        ),
        route(
            "copy_response",
            &path(&["/copy"]),
            Handler::CopyResponse(Some("210".into())),
        ),
        respond_if(
            &path(&["/own"]),
            "was {resp.status_code} {resp.header.X-Kept}",
        ),
    ];
    let intercept = Handler::Intercept(Intercept {
        responses: vec![handler(&[StatusPattern::Class(5)], copies)],
    });
    let routes = [
        header(vec![set("X-Now", "1")], vec![]),
        header(vec![], vec![set("X-Outer", "1")]),
        route("intercept", &[], intercept),
        header(vec![], vec![set("X-Inner", "1")]),
        route(
            "respond",
            &[],
            Handler::Respond {
                status: Some("503".into()),
                body: None,
                close: false,
            },
        ),
    ];
    let program = program(&routes).unwrap();
    for (target, expected) in [
        ("/own", "Respond was 503 v"),
        ("/copy", "CopyResponse(Some(210))"),
        ("/none", "Unhandled"),
    ] {
        let mut fixture = Fixture::get(target);
        let mut cursor = program.start();
        let Verdict::Respond(mut answer) = fixture.go_on(&program, &mut cursor) else {
            panic!("no answer")
        };
        let mut response = HeaderMap::new();
        response.insert("x-kept", "v".parse().unwrap());
        let finish = fixture.finish(&mut answer.status, None, &mut response);
        let Finish::Intercept(routes) = finish else {
            panic!("not intercepted: {finish:?}")
        };
        assert!(response.contains_key("x-inner") && !response.contains_key("x-outer"));
        program.handle_response(&mut cursor, routes);
        let shown = match fixture.go_on(&program, &mut cursor) {
            Verdict::Respond(answer) => {
                format!("Respond {}", String::from_utf8_lossy(&answer.body))
            }
            other => format!("{other:?}"),
        };
        assert_eq!(shown, expected);
        assert_eq!(
            fixture
                .exchange
                .takes_over(&HeaderName::from_static("x-kept")),
            target == "/copy"
        );
        let copied = target == "/copy";
        let mut response = if copied { response } else { HeaderMap::new() };
        let finish = fixture.finish(&mut 503, None, &mut response);
        assert_eq!(finish, Finish::Send { encoding: None }, "intercepted once");
        assert_eq!(response.contains_key("x-inner"), copied);
        assert!(response.contains_key("x-outer"));
        assert_eq!(response.get_all("x-now").iter().count(), 1, "added once");
    }
}

#[test]
fn file_settings_are_filled_in() {
    let routes = [
        route("root", &[], Handler::Root("/srv/{host}".into())),
        route("file_server", &[], Handler::FileServer(file_server())),
    ];
    let program = program(&routes).unwrap();
    let mut fixture = Fixture::get("/a");
    let Verdict::Files(files) = fixture.run(&program) else {
        panic!("no file server")
    };
    let settings = files
        .settings(&fixture.head, &fixture.connection, &fixture.exchange)
        .unwrap();
    assert_eq!(settings.root.to_str(), Some("/srv/Site.example"));
    assert_eq!(settings.hide, ["/a.bak"]);
    assert_eq!(settings.status, None);
    fixture.exchange.set_error(404, "");
    let settings = files
        .settings(&fixture.head, &fixture.connection, &fixture.exchange)
        .unwrap();
    assert_eq!(settings.status, Some(404));
}
