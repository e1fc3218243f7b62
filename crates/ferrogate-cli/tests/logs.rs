//! Logs: who writes what where, and what of it is told.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use ferrogate_testkit::{Client, Gateway, Launch, PATIENCE, Request};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

fn get(gateway: &Gateway, target: &str) {
    Request::get(target).send(gateway.address()).expect(200);
}

/// Ends the gateway, which writes what its logs still hold.
fn stop(gateway: &mut Gateway) -> String {
    gateway.signal("TERM");
    gateway.wait_exit().expect(0).stderr
}

fn entries(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// What each entry of a log has at this place.
fn told(gateway: &Gateway, file: &str, pointer: &str) -> Vec<String> {
    entries(&gateway.folder().join(file))
        .iter()
        .map(|entry| match entry.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => "-".to_owned(),
        })
        .collect()
}

#[test]
fn an_entry_goes_to_every_log_it_fits() {
    let mut gateway = Launch::site(
        BIN,
        r"
        log {
            output file all.log
        }
        log errors {
            output file errors.log
            level ERROR
        }
        log host {
            output file host.log
            hostnames *.example
        }
        log chosen {
            output file chosen.log
            no_hostname
        }
        log_skip /skipped
        log_name /chosen chosen errors
        log_append /ok tenant {http.request.uri.query.t}
        log_append /ok number 5
        error /bad 503
        respond fine
        ",
    )
    .start();
    // On one connection, a request begins after the entry of the one before it.
    let mut client = Client::connect(gateway.address());
    for (target, host, status) in [
        ("/ok?t=blue", "example.com", 200),
        ("/skipped", "example.com", 200),
        ("/chosen", "example.com", 200),
        ("/bad", "example.com", 503),
        ("/host", "a.example", 200),
    ] {
        Request::get(target)
            .host(host)
            .send_on(&mut client)
            .expect(status);
    }
    drop(client);
    stop(&mut gateway);
    for (file, uris, logger) in [
        (
            "all.log",
            vec!["/ok?t=blue", "/bad", "/host"],
            "http.log.access",
        ),
        ("errors.log", vec!["/bad"], "http.log.access.errors"),
        ("host.log", vec!["/host"], "http.log.access.host"),
        ("chosen.log", vec!["/chosen"], "http.log.access.chosen"),
    ] {
        assert_eq!(told(&gateway, file, "/request/uri"), uris, "{file}");
        let loggers = told(&gateway, file, "/logger");
        assert!(loggers.iter().all(|name| name == logger), "{loggers:?}");
    }
    assert_eq!(told(&gateway, "all.log", "/tenant"), ["blue", "-", "-"]);
    assert_eq!(told(&gateway, "all.log", "/number"), ["5", "-", "-"]);
    assert_eq!(
        told(&gateway, "all.log", "/level"),
        ["info", "error", "info"]
    );
}

#[test]
fn entries_tell_the_request_as_it_came() {
    let mut gateway = Launch::site(
        BIN,
        r"
        log {
            output file all.log
        }
        request_header X-Added yes
        request_header -X-Sent
        rewrite * /elsewhere
        header Set-Cookie secret=1
        respond {uuid}
        ",
    )
    .start();
    Request::get("/came?key=hidden")
        .header("X-Sent", "1")
        .header("cookie", "secret=1")
        .header("x-api-key", "sk-secret")
        .send(gateway.address())
        .expect(200);
    stop(&mut gateway);
    let entry = entries(&gateway.folder().join("all.log")).remove(0);
    let headers = &entry["request"]["headers"];
    assert_eq!(entry["request"]["uri"], "/came?key=REDACTED", "{entry}");
    assert_eq!(
        (&headers["X-Sent"], &headers["X-Added"]),
        (&json!(["1"]), &Value::Null)
    );
    for value in [
        &headers["Cookie"],
        &headers["X-Api-Key"],
        &entry["resp_headers"]["Set-Cookie"],
    ] {
        assert_eq!(*value, json!(["REDACTED"]), "{entry}");
    }
    assert!(entry["uuid"].is_string(), "{entry}");
}

#[test]
fn credentials_are_told_where_that_is_wanted() {
    let mut gateway = Launch::site_with(
        BIN,
        "servers {\nlog_credentials\n}",
        "log {\noutput file all.log\n}\nrespond fine",
    )
    .start();
    Request::get("/")
        .header("cookie", "a=b")
        .send(gateway.address())
        .expect(200);
    stop(&mut gateway);
    assert_eq!(
        told(&gateway, "all.log", "/request/headers/Cookie"),
        [r#"["a=b"]"#]
    );
}

#[test]
fn filters_change_what_is_told() {
    let mut gateway = Launch::site(
        BIN,
        r#"
        log {
            output file all.log
            format filter {
                request>headers delete
                request>remote_ip ip_mask 16 32
                request>uri query {
                    delete a
                    replace b X
                    hash c
                }
                resp_headers>Server rename Srv
                user_id replace nobody
                wrap append {
                    pid 7
                    wrap json {
                        time_format "2006"
                        duration_format string
                        message_key message
                    }
                }
            }
        }
        log people {
            output file console.log
            format console
        }
        respond fine
        "#,
    )
    .start();
    get(&gateway, "/x?a=1&b=2&c=3&d=4");
    stop(&mut gateway);
    let entry = entries(&gateway.folder().join("all.log")).remove(0);
    let request = &entry["request"];
    assert_eq!(request["uri"], "/x?b=X&c=4e074085&d=4", "{entry}");
    assert_eq!(request["remote_ip"], "127.0.0.0", "{entry}");
    assert!(request.get("headers").is_none(), "{entry}");
    assert_eq!(
        (&entry["user_id"], &entry["pid"], &entry["message"]),
        (&"nobody".into(), &7.into(), &"handled request".into())
    );
    let year = entry["ts"].as_str().unwrap_or_default();
    assert!(year.len() == 4 && year.starts_with("20"), "{entry}");
    assert!(
        entry["duration"]
            .as_str()
            .is_some_and(|text| text.ends_with('s')),
        "{entry}"
    );
    let line = std::fs::read_to_string(gateway.folder().join("console.log")).unwrap();
    let columns: Vec<&str> = line.trim_end().split('\t').collect();
    assert_eq!(
        columns[1..4],
        ["INFO", "http.log.access.people", "handled request"]
    );
    let rest: Value = serde_json::from_str(columns[4]).unwrap();
    assert_eq!(rest["request"]["uri"], "/x?a=1&b=2&c=3&d=4");
}

#[test]
fn rolling_under_load_loses_no_line() {
    const CLIENTS: usize = 4;
    const REQUESTS: usize = 400;
    let mut gateway = Launch::site(
        BIN,
        r#"
        log {
            output file logs/all.log {
                roll_size 1MiB
                roll_keep 100
                roll_compression none
            }
            format append {
                padding "PADDING"
            }
        }
        respond fine
        "#
        .replace("PADDING", &"x".repeat(2_000))
        .as_str(),
    )
    .start();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let gateway = &gateway;
            scope.spawn(move || {
                for number in 0..REQUESTS {
                    get(gateway, &format!("/{client}/{number}"));
                }
            });
        }
    });
    stop(&mut gateway);
    let (mut seen, mut files) = (BTreeSet::new(), 0);
    for file in std::fs::read_dir(gateway.folder().join("logs")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() <= 1 << 20, "{path:?} has {}", text.len());
        files += 1;
        for line in text.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            let new = seen.insert(entry["request"]["uri"].as_str().unwrap().to_owned());
            assert!(new, "twice: {line}");
        }
    }
    assert_eq!(seen.len(), CLIENTS * REQUESTS);
    assert!(files >= 3, "{files} files");
}

#[test]
fn entries_go_over_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut gateway = Launch::site(
        BIN,
        &format!("log {{\noutput net {address}\n}}\nrespond fine"),
    )
    .start();
    get(&gateway, "/first");
    let mut peer = BufReader::new(listener.accept().unwrap().0);
    let mut line = String::new();
    peer.read_line(&mut line).unwrap();
    let entry: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(entry["request"]["uri"], "/first");
    // The connection breaks; the next entry comes over another.
    drop(peer);
    get(&gateway, "/second");
    let mut peer = BufReader::new(listener.accept().unwrap().0);
    line.clear();
    peer.read_line(&mut line).unwrap();
    let entry: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(entry["request"]["uri"], "/second");
    stop(&mut gateway);
}

#[test]
fn sampling_keeps_some() {
    let mut gateway = Launch::site(
        BIN,
        "log {\noutput file all.log\nsampling {\ninterval 1h\nfirst 2\nthereafter 3\n}\n}\nrespond fine",
    )
    .start();
    // On one connection, a request begins after the entry of the one before it.
    let mut client = Client::connect(gateway.address());
    for number in 1..=9 {
        Request::get(&format!("/{number}"))
            .send_on(&mut client)
            .expect(200);
    }
    drop(client);
    stop(&mut gateway);
    assert_eq!(
        told(&gateway, "all.log", "/request/uri"),
        ["/1", "/2", "/5", "/8"]
    );
}

#[test]
fn a_full_disk_costs_entries_and_no_requests() {
    let mut gateway = Launch::site(BIN, "log {\noutput file /dev/full\n}\nrespond fine").start();
    for _ in 0..5 {
        get(&gateway, "/");
    }
    let said = gateway.wait_for_log(|entry| entry["log"] == "/dev/full");
    assert_eq!(said["level"], "error", "{said}");
    let log = stop(&mut gateway);
    assert_eq!(log.matches("/dev/full").count(), 1, "{log}");
}

#[test]
fn process_logs_take_what_they_include() {
    let mut gateway = Launch::site_with(
        BIN,
        r"
        log drain {
            output file drain.log
            include runtime.drain
        }
        log requests {
            output file requests.log
            include http.log.access.web
        }
        log rest {
            output file rest.log
            exclude runtime http.log
        }
        ",
        "log web\nrespond fine",
    )
    .start();
    get(&gateway, "/one");
    let log = stop(&mut gateway);
    assert_eq!(told(&gateway, "requests.log", "/request/uri"), ["/one"]);
    assert!(!log.contains("handled request"), "{log}");
    let loggers = told(&gateway, "drain.log", "/logger");
    assert!(
        !loggers.is_empty() && loggers.iter().all(|name| name == "runtime.drain"),
        "{loggers:?}"
    );
    assert!(!log.contains("runtime.drain"), "{log}");
    let rest = told(&gateway, "rest.log", "/logger");
    assert!(
        rest.iter()
            .all(|name| !name.starts_with("runtime") && !name.starts_with("http")),
        "{rest:?}"
    );
}

#[test]
fn a_plain_log_goes_where_the_process_says() {
    let mut gateway = Launch::site(BIN, "log\nrespond fine").start();
    get(&gateway, "/plain");
    let entry = gateway.wait_for_log(|entry| entry["msg"] == "handled request");
    assert_eq!(
        (&entry["logger"], &entry["request"]["uri"]),
        (&"http.log.access".into(), &"/plain".into())
    );
    stop(&mut gateway);
}

#[test]
fn validate_finds_what_cannot_be_written() {
    let launch = Launch::site(BIN, "log {\noutput file taken/access.log\n}\nrespond fine")
        .file("taken", "no folder");
    let finished = launch.command(&["validate", "-c", "Caddyfile"]).expect(1);
    let said = finished.stdout + &finished.stderr;
    assert!(
        said.contains("Caddyfile:") && said.contains("taken/access.log"),
        "{said}"
    );
}

/// The names in an object, with those of objects inside it; those of fields of HTTP are everybody's own business.
fn names(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{prefix}>{name}");
        if !name.ends_with("headers") {
            names(value, &path, found);
        }
        found.insert(path);
    }
}

#[test]
fn entries_have_what_caddys_have() {
    let caddy = Command::new("caddy").arg("version").output();
    if !caddy.is_ok_and(|output| output.status.success()) {
        return;
    }
    let mut gateway = Launch::site(BIN, "log {\noutput file all.log\n}\nrespond fine").start();
    get(&gateway, "/x?a=b");
    stop(&mut gateway);
    let ours = entries(&gateway.folder().join("all.log")).remove(0);

    let folder = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let log = folder.path().join("all.log");
    let text = format!(
        "{{\nadmin off\nauto_https off\n}}\nhttp://{address} {{\nlog {{\noutput file {}\n}}\nrespond fine\n}}\n",
        log.display()
    );
    std::fs::write(folder.path().join("Caddyfile"), text).unwrap();
    let mut child = Command::new("caddy")
        .args(["run", "--config", "Caddyfile"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut theirs = Vec::new();
    while theirs.is_empty() && Instant::now() < deadline {
        if let Ok(mut stream) = std::net::TcpStream::connect(address) {
            let request =
                format!("GET /x?a=b HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
            std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
            while theirs.is_empty() && Instant::now() < deadline {
                theirs = entries(&log);
            }
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let (mut expected, mut found) = (BTreeSet::new(), BTreeSet::new());
    names(&theirs[0], "", &mut expected);
    names(&ours, "", &mut found);
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}\n{ours}\n{}", theirs[0]);
    for name in ["uri", "method", "proto", "remote_ip"] {
        assert_eq!(ours["request"][name], theirs[0]["request"][name], "{name}");
    }
}
