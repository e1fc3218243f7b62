//! Commands that ask a running gateway, on the real binary against the real binary.

use std::net::SocketAddr;

use ferrogate_testkit::{
    Certificate, ClosedPort, FakeHttp, Finished, Gateway, Launch, Request, until,
};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const MASTER: &str = "the-master-key";

/// A gateway with an admin listener, a model that costs something, and `more` in its `ai_gateway`.
fn caddyfile(more: &str) -> String {
    format!(
        "{{
            default_bind 127.0.0.1
            workers 2
            admin 127.0.0.1:0
        }}
        http://:0 {{
            ai_gateway {{
                provider echo
                model m -> echo {{
                    input_price_per_1m 1
                    output_price_per_1m 1
                }}
                tenant org
                api_key filed {{
                    key secret-of-filed
                    scopes *
                    tenant org
                }}
                api_key reader {{
                    key secret-of-reader
                    scopes admin.read
                }}
                {more}
            }}
        }}"
    )
}

fn start() -> Gateway {
    Launch::caddyfile(BIN, &caddyfile(""))
        .env("MASTER_KEY", MASTER)
        .start()
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// A command in a folder of its own, with the master key of that gateway.
fn ask(gateway: &Gateway) -> Launch {
    Launch::new(BIN)
        .env("FERROGATE_URL", &url(gateway.last_address()))
        .env("FERROGATE_API_KEY", MASTER)
}

fn run(gateway: &Gateway, arguments: &[&str]) -> Finished {
    ask(gateway).command(arguments)
}

/// What the command prints as JSON.
fn printed(run: &Finished) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[track_caller]
fn says(run: Finished, code: i32, text: &str) {
    let run = run.expect(code);
    assert!(run.stderr.contains(text), "no {text:?} in {run:?}");
    for secret in [MASTER, "secret-of-filed", "secret-of-reader"] {
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(!told.contains(secret), "{secret} is told: {told}");
    }
}

#[test]
fn status_tells_whether_a_gateway_is_ready() {
    let gateway = start();
    let told = run(&gateway, &["status"]).expect(0);
    for part in ["ready         yes", "version", "echo", "closed"] {
        assert!(told.stdout.contains(part), "no {part:?} in {told:?}");
    }
    let told = printed(&run(&gateway, &["status", "--format", "json"]).expect(0));
    assert_eq!(told["ready"], true, "{told}");
    assert_eq!(told["status"]["models"], 1, "{told}");
    assert_eq!(told["health"]["status"], "ok", "{told}");
    // Without a key, the probe is all there is.
    let stranger = Launch::new(BIN).command(&[
        "--gateway-url",
        &url(gateway.last_address()),
        "status",
        "--format",
        "json",
    ]);
    assert_eq!(printed(&stranger)["status"], Value::Null, "{stranger:?}");
    says(stranger, 0, "show a key with `--api-key`");
}

#[test]
fn a_gateway_that_is_not_there_is_told_with_what_to_do() {
    let closed = ClosedPort::hold();
    let closed = url(closed.address());
    let web = FakeHttp::start("web");
    let web = url(web.address());
    let at = |url: &str, arguments: &[&str]| {
        let launch = Launch::new(BIN).env("FERROGATE_API_KEY", MASTER);
        launch.env("FERROGATE_URL", url).command(arguments)
    };
    says(at(&closed, &["status"]), 1, "nothing listens at");
    says(
        at(&closed, &["reload"]),
        1,
        "name one with `--gateway-url` or `FERROGATE_URL`",
    );
    // This server tells what it was asked, the key included.
    says(at(&web, &["status"]), 1, "repeats the key it was shown");
    let asked = Launch::new(BIN).command(&["--gateway-url", &web, "status"]);
    says(asked, 1, "but not as a gateway");
    // A site that answers everything with nothing did nothing.
    let site = Launch::site(BIN, "respond \"\" 200").start();
    let site = url(site.address());
    for words in [
        &["reload"][..],
        &["admin", "keys", "list"],
        &["admin", "keys", "revoke", "ci"],
        &["admin", "audit", "verify"],
        &["admin", "logs", "tail"],
    ] {
        says(
            at(&site, words),
            1,
            "answers (200), but not as an admin API",
        );
    }
    for (wrong, said) in [
        ("localhost", "is not a URL"),
        ("ftp://h", "the scheme `ftp`"),
        ("http://me:the-master-key@h", "has no user or password"),
        ("unix//run/admin.sock", "Unix socket"),
    ] {
        says(at(wrong, &["status"]), 2, said);
    }
    let broken = Launch::new(BIN).env("FERROGATE_API_KEY", "the-master-key\n");
    says(broken.command(&["status"]), 2, "is a line end in it?");
}

#[test]
fn a_gateway_behind_tls_is_asked_by_its_name() {
    let certificate = Certificate::new(&["localhost"]);
    let text = "{
            admin off
        }
        https://localhost:0 {
            tls cert.pem key.pem
            bind 127.0.0.1
            ai_gateway {
                provider echo
                model m -> echo
                admin on
            }
        }";
    let gateway = Launch::caddyfile(BIN, text)
        .file("cert.pem", &certificate.pem)
        .file("key.pem", &certificate.key_pem)
        .env("MASTER_KEY", MASTER)
        .start();
    let port = gateway.last_address().port();
    let at = format!("https://localhost:{port}");
    let ask = || Launch::new(BIN).env("FERROGATE_API_KEY", MASTER);
    let untrusted = ask().command(&["status", "--gateway-url", &at]);
    says(untrusted, 1, "SSL_CERT_FILE");
    let trusted = ask()
        .file("ca.pem", &certificate.pem)
        .env("SSL_CERT_FILE", "ca.pem")
        .command(&["status", "--gateway-url", &at, "--format", "json"])
        .expect(0);
    assert_eq!(printed(&trusted)["status"]["service"], "ferrogate");
    let plain = ask().command(&["status", "--gateway-url", &at.replace("https", "http")]);
    assert_eq!(plain.code, Some(1), "{plain:?}");
}

#[test]
fn reload_without_a_gateway_only_checks() {
    let good = Launch::caddyfile(BIN, &caddyfile("")).command(&["reload", "-c", "Caddyfile"]);
    assert!(good.stdout.starts_with("ok "), "{good:?}");
    says(good, 0, "nothing was reloaded");
    let bad = Launch::caddyfile(BIN, ":8080 {\n\trespnd ok\n}\n");
    says(bad.command(&["reload"]), 1, "did you mean `respond`?");
    let upgrade = Launch::new(BIN).command(&["reload", "--graceful-upgrade"]);
    says(upgrade, 2, "not available yet");
}

#[test]
fn reload_gives_a_running_gateway_another_file() {
    let gateway = start();
    let at = url(gateway.last_address());
    let reload = |text: &str, more: &[&str]| {
        let mut arguments = vec!["reload", "-c", "Caddyfile", "--admin-url", &at];
        arguments.extend(more);
        let launch = Launch::caddyfile(BIN, text).env("FERROGATE_ADMIN_TOKEN", MASTER);
        launch.command(&arguments)
    };
    let other = reload(&caddyfile("model other -> echo"), &[]).expect(0);
    assert!(other.stdout.starts_with("ok status=reloaded"), "{other:?}");
    assert!(other.stdout.contains("models[other]: added"), "{other:?}");
    let told = printed(&run(&gateway, &["status", "--format", "json"]).expect(0));
    assert_eq!(told["status"]["models"], 2, "{told}");
    // Its own file again.
    let own = run(&gateway, &["reload", "--format", "json"]).expect(0);
    let changed = printed(&own)["changed"].to_string();
    assert!(changed.contains("models[other]: removed"), "{changed}");
    // What is refused is shown as `validate` shows it, and a secret beside it is not.
    let broken = caddyfile("api_kee other").replace("key secret", "kee secret");
    let refused = reload(&broken, &[]);
    let checked = Launch::caddyfile(BIN, &broken).command(&["validate", "-c", "Caddyfile"]);
    assert!(
        refused.stderr.starts_with(checked.stderr.trim_end()),
        "{refused:?}"
    );
    assert!(refused.stdout.is_empty(), "{refused:?}");
    says(
        reload(&caddyfile("model m2 -> nobody"), &[]),
        1,
        "the gateway refused it; nothing was changed",
    );
    let moved = caddyfile("").replace("http://:0", "http://:1");
    says(reload(&moved, &[]), 1, "409 upgrade_required");
    let reader = ["--admin-token", "secret-of-reader"];
    says(reload(&caddyfile(""), &reader), 1, "`admin.write`");
    says(
        reload(&caddyfile(""), &["--admin-token", "nobody-at-all"]),
        1,
        "look at `--api-key`",
    );
    let told = printed(&run(&gateway, &["status", "--format", "json"]).expect(0));
    assert_eq!(told["status"]["models"], 1, "{told}");
}

#[test]
fn a_key_is_made_changed_and_ended_from_a_shell() {
    let gateway = start();
    let made = run(
        &gateway,
        &[
            "admin",
            "keys",
            "create",
            "-d",
            r#"{"id": "ci", "name": "left out"}"#,
            "--set",
            "name=CI",
            "--set",
            "scopes=models.read,chat.completions",
            "--set",
            "request_limit_per_minute=60",
        ],
    )
    .expect(0);
    assert!(made.stderr.contains("shown this once"), "{made:?}");
    let made = printed(&made);
    assert_eq!(made["name"], "CI", "{made}");
    let secret = made["secret"].as_str().unwrap_or_default();
    assert!(secret.len() > 20, "{made}");
    let rotated = run(
        &gateway,
        &["admin", "keys", "rotate", "ci", "--grace", "1h"],
    )
    .expect(0);
    assert_ne!(printed(&rotated)["secret"], secret, "{rotated:?}");
    // What a file holds goes in by its name, or through stdin.
    let changed = ask(&gateway)
        .file("change.json", r#"{"tenant": "org"}"#)
        .command(&["admin", "keys", "update", "ci", "-d", "@change.json"]);
    assert_eq!(printed(&changed.expect(0))["tenant"], "org");
    let changed = ask(&gateway).stdin(r#"{"disabled": true}"#).command(&[
        "admin",
        "keys",
        "update",
        "ci",
        "-d",
        "-",
        "--set",
        "tenant=null",
    ]);
    let changed = printed(&changed.expect(0));
    assert_eq!(changed["disabled"], true, "{changed}");
    assert_eq!(changed["tenant"], Value::Null, "{changed}");
    let table = run(&gateway, &["admin", "keys", "list", "--format", "table"]).expect(0);
    let line = table.stdout.lines().find(|line| line.starts_with("ci "));
    let line = line.unwrap_or_else(|| panic!("no ci in {table:?}"));
    assert!(line.contains("models.read,chat.completions"), "{line}");
    assert!(table.stdout.starts_with("ID      NAME"), "{table:?}");
    let yaml = run(
        &gateway,
        &["admin", "--format", "yaml", "keys", "get", "ci"],
    )
    .expect(0);
    assert!(
        yaml.stdout.contains("scopes:\n  - models.read\n"),
        "{yaml:?}"
    );
    let tag = printed(&run(&gateway, &["admin", "keys", "get", "ci"]).expect(0))["etag"].clone();
    let tag = tag.as_str().unwrap_or_default();
    let update = [
        "admin",
        "keys",
        "update",
        "ci",
        "--set",
        "user=ann",
        "--if-match",
        tag,
    ];
    run(&gateway, &update).expect(0);
    says(run(&gateway, &update), 1, "412 version_mismatch");
    let ended = run(&gateway, &["admin", "keys", "revoke", "ci"]).expect(0);
    assert_eq!(printed(&ended)["status"], "revoked", "{ended:?}");
    run(&gateway, &["admin", "keys", "delete", "ci"]).expect(0);
    says(
        run(&gateway, &["admin", "keys", "get", "ci"]),
        1,
        "404 resource_not_found: there is no key `ci`",
    );
    says(
        run(&gateway, &["admin", "keys", "delete", "filed"]),
        1,
        "409 managed_by_file",
    );
    says(
        run(
            &gateway,
            &[
                "admin",
                "keys",
                "create",
                "--set",
                "tenant=nobody",
                "--set",
                "name=x",
            ],
        ),
        1,
        "422 invalid_value: there is no tenant `nobody`",
    );
}

#[test]
fn every_list_answers_and_pages_meet() {
    let gateway = start();
    for id in ["a", "b", "c"] {
        run(
            &gateway,
            &["admin", "tenants", "create", "--set", &format!("id={id}")],
        )
        .expect(0);
    }
    let first = ["admin", "tenants", "list", "--limit", "2"];
    let page = printed(&run(&gateway, &first).expect(0));
    let cursor = page["next_cursor"].as_str().unwrap_or_default();
    let second = run(&gateway, &[&first[..], &["--cursor", cursor]].concat()).expect(0);
    let ids = |list: &Value| {
        let rows = list["data"].as_array().into_iter().flatten();
        rows.map(|row| row["id"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        [ids(&page), ids(&printed(&second))].concat(),
        ["a", "b", "c", "org"]
    );
    let all = run(&gateway, &[&first[..], &["--all"]].concat()).expect(0);
    assert_eq!(ids(&printed(&all)), ["a", "b", "c", "org"]);
    let table = run(&gateway, &[&first[..], &["--format", "table"]].concat()).expect(0);
    assert!(table.stderr.contains("--cursor b"), "{table:?}");
    let budget = [
        "admin",
        "budgets",
        "create",
        "--set",
        "id=all",
        "--set",
        "scope=global",
    ];
    let more = ["--set", "amount=500", "--set", "per=month"];
    run(&gateway, &[&budget[..], &more[..]].concat()).expect(0);
    for words in [
        "keys list --source file --q fil",
        "keys used --sort last_used",
        "keys usage filed",
        "tenants get org",
        "policies list",
        "budgets list --scope global",
        "budgets reservations all",
        "config history",
        "logs list --status 5xx --limit 5",
        "logs stats --buckets 4",
        "logs delete --before 2026-01-01T00:00:00Z",
        "usage --group-by model,day",
        "billing list --uncertain true",
        "audit list --outcome ok --actor-id master-key",
        "audit verify",
        "providers list",
        "providers get echo",
        "providers health",
        "models list",
        "models get m",
        "sessions list",
        "sessions clear",
        "drain begin",
        "drain end",
    ] {
        let words: Vec<&str> = std::iter::once("admin").chain(words.split(' ')).collect();
        for shape in ["json", "yaml", "table"] {
            let arguments = [&words[..], &["--format", shape]].concat();
            let told = run(&gateway, &arguments).expect(0);
            assert_eq!(told.stdout.starts_with('{'), shape == "json", "{told:?}");
        }
    }
    let audit = run(
        &gateway,
        &["admin", "audit", "list", "--action", "tenant.create"],
    );
    assert_eq!(printed(&audit.expect(0))["total"], 3);
}

#[test]
fn a_configuration_is_put_compared_and_rolled_back() {
    let gateway = start();
    let config = |text: &str, words: &[&str]| {
        let launch = ask(&gateway).file("Caddyfile", text);
        launch.command(&[&["admin", "config"], words, &["--format", "table"]].concat())
    };
    let other = caddyfile("model other -> echo");
    let shown = config("", &["get"]).expect(0);
    assert!(shown.stdout.contains("\"listeners\""), "{shown:?}");
    assert!(shown.stderr.contains("from the file"), "{shown:?}");
    says(shown, 0, "revision");
    let compared = config(&other, &["diff", "Caddyfile"]).expect(0);
    assert!(
        compared.stdout.contains("models[other]: added"),
        "{compared:?}"
    );
    let checked = config(&other, &["validate", "Caddyfile"]).expect(0);
    assert_eq!(checked.stdout, "ok valid=true\n");
    let bad = ":8080 {\n\trespnd ok\n}\n";
    says(
        config(bad, &["validate", "Caddyfile"]),
        1,
        "2 | \trespnd ok",
    );
    says(config(bad, &["put", "Caddyfile"]), 1, "nothing was changed");
    let put = config(&other, &["put", "Caddyfile"]).expect(0);
    assert!(put.stdout.starts_with("ok status=updated"), "{put:?}");
    says(
        config(&other, &["put", "Caddyfile", "--if-match", "another"]),
        1,
        "412 version_mismatch",
    );
    let stdin = ask(&gateway).stdin(&caddyfile(""));
    let stdin = stdin.command(&["admin", "config", "put", "-"]).expect(0);
    assert_eq!(printed(&stdin)["version"], 2);
    let back = config("", &["rollback", "1"]).expect(0);
    assert!(back.stdout.contains("rolled_back_to=1"), "{back:?}");
    let reset = config("", &["reset"]).expect(0);
    assert!(reset.stdout.contains("models[other]: removed"), "{reset:?}");
    let history = run(&gateway, &["admin", "config", "history"]).expect(0);
    assert_eq!(printed(&history)["total"], 3, "{history:?}");
}

#[test]
fn calls_are_followed_until_nobody_wants_them() {
    let gateway = start();
    let words = ["admin", "logs", "tail", "--model", "m", "--format", "json"];
    let mut tail = ask(&gateway).begin(&words);
    until("the calls are followed", || {
        tail.log().contains("Ctrl-C ends").then_some(())
    });
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    let call = Request::post("/v1/chat/completions", &body).bearer("secret-of-filed");
    call.send(gateway.address()).expect(200);
    let seen = tail.wait_for_access(|row| row["model"] == "m");
    assert_eq!(seen["status"], 200, "{seen}");
    tail.signal("INT");
    let ended = tail.wait_exit();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn misuse_is_told_before_anything_is_sent() {
    let nobody = |arguments: &[&str]| {
        let closed = ClosedPort::hold();
        Launch::new(BIN)
            .env("FERROGATE_URL", &url(closed.address()))
            .command(arguments)
    };
    for (words, said) in [
        ("admin", "Usage: ferrogate admin"),
        ("admin keys", "Usage: ferrogate admin keys"),
        ("admin kees list", "'keys'"),
        ("admin keys list --nothing", "--nothing"),
        ("admin keys get", "<ID>"),
        ("admin keys list --limit 0", "--limit"),
        ("admin keys list --format xml", "table, json, yaml"),
        ("admin logs delete", "--before"),
        ("admin keys list --all --cursor x", "cannot be used with"),
        ("admin config rollback", "<VERSION>"),
        ("admin keys create", "give members with `--set name=value`"),
        (
            "admin keys create --set name",
            "is not written `name=value`",
        ),
        ("admin keys create --set nme=ci", "did you mean `name`?"),
        (
            "admin keys create --set max_concurrency=many",
            "takes a whole number",
        ),
        ("admin keys create -d []", "is not a JSON object"),
        ("admin keys create -d {", "is not JSON"),
        ("admin keys get ..", "is not an id"),
        (
            "admin config put Caddyfile.yaml.txt --adapter yaml",
            "--adapter",
        ),
        ("admin config put gateway.yaml", "does not tell its format"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        says(nobody(&words), 2, said);
    }
    for words in [
        "admin keys create -d @none.json",
        "admin config put Caddyfile",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        says(nobody(&words), 1, "cannot be read");
    }
    says(nobody(&["admin", "keys", "list"]), 1, "nothing listens at");
}

#[test]
fn help_completion_and_manual_know_every_verb() {
    let told = |arguments: &[&str]| Launch::new(BIN).command(arguments).expect(0).stdout;
    let page = told(&["man"]);
    for part in [
        ".TH FERROGATE 1",
        ".SS \"ferrogate admin keys rotate ID\"",
        ".B \\-\\-grace VALUE",
        ".SS \"ferrogate admin config put FILE\"",
        ".SS \"ferrogate reload\"",
        ".SS \"ferrogate status\"",
        ".B FERROGATE_ADMIN_TOKEN",
    ] {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
    assert!(!page.contains("graceful"), "{page}");
    for shell in ["bash", "zsh", "fish"] {
        let script = told(&["completions", shell]);
        for word in ["rollback", "group-by", "gateway-url"] {
            assert!(script.contains(word), "no {word} in {shell}");
        }
        // The generator for fish leaves out the flags of the third word.
        assert_eq!(script.contains("if-match"), shell != "fish");
    }
    let help = told(&["--help"]);
    for word in ["admin", "reload", "status", "man", "--gateway-url"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
    // What a variable holds is nobody's business who reads the help.
    let launch = Launch::new(BIN).env("FERROGATE_API_KEY", MASTER);
    says(launch.command(&["admin", "--help"]), 0, "");
}

#[test]
fn the_documentation_has_every_verb_with_an_example_that_is_taken() {
    let page = include_str!("../../../docs/cli.md");
    let help = |words: &[&str]| {
        let told = Launch::new(BIN).command(words).expect(0).stdout;
        let lines = told.lines().skip_while(|line| *line != "Commands:").skip(1);
        let lines = lines.take_while(|line| !line.is_empty());
        lines
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let closed = ClosedPort::hold();
    for resource in help(&["admin", "--help"]) {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{resource}` |")));
        let row = row.unwrap_or_else(|| panic!("{resource} is not in docs/cli.md"));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let verbs = cells[2].trim_matches('`').split_whitespace();
        let known = match resource.as_str() {
            // The resource is the verb.
            "usage" => Vec::new(),
            resource => help(&["admin", resource, "--help"]),
        };
        assert_eq!(verbs.collect::<Vec<_>>(), known, "{resource}");
        let example = cells[3].trim_matches('`').replacen("ferrogate", BIN, 1);
        let run = Launch::new("/bin/sh")
            .file("Caddyfile", caddyfile(""))
            .env("FERROGATE_URL", &url(closed.address()))
            .command(&["-c", &example]);
        says(run, 1, "nothing listens at");
    }
}
