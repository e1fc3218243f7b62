//! Commands that do their work and end.

use ferrogate_testkit::Launch;
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const GOOD: &str = ":8080 {\n\trespond /a \"ok\"\n}\n";
const BAD: &str = ":8080 {\n\trespnd ok\n}\n";

#[test]
fn validate_tells_people_and_machines() {
    Launch::caddyfile(BIN, GOOD)
        .command(&["validate", "-c", "Caddyfile"])
        .expect(0);
    let text = Launch::caddyfile(BIN, BAD)
        .command(&["validate", "-c", "Caddyfile"])
        .expect(1);
    assert!(
        format!("{}{}", text.stdout, text.stderr).contains("did you mean `respond`?"),
        "{text:?}"
    );
    for (config, code) in [(GOOD, 0), (BAD, 1)] {
        let run = Launch::caddyfile(BIN, config).command(&[
            "validate",
            "-c",
            "Caddyfile",
            "--format",
            "json",
        ]);
        let json: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        assert_eq!(
            (run.code, &json["valid"]),
            (Some(code), &json!(code == 0)),
            "{json}"
        );
        assert_eq!(
            json.to_string().contains("unknown-directive"),
            code == 1,
            "{json}"
        );
    }
    Launch::new(BIN)
        .command(&["validate", "--format", "nonsense"])
        .expect(2);
}

#[test]
fn help_says_what_the_program_is() {
    let help = Launch::new(BIN).command(&["--help"]).expect(0).stdout;
    assert!(help.starts_with("An edge gateway"), "{help}");
}

#[test]
fn fmt_formats_and_checks() {
    let untidy = ":8080 {\n  respond   ok\n}\n";
    let tidy = ":8080 {\n\trespond ok\n}\n";
    assert_eq!(
        Launch::caddyfile(BIN, untidy)
            .command(&["fmt", "Caddyfile"])
            .expect(0)
            .stdout,
        tidy
    );
    Launch::caddyfile(BIN, untidy)
        .command(&["fmt", "--check", "Caddyfile"])
        .expect(1);
    Launch::caddyfile(BIN, tidy)
        .command(&["fmt", "--check", "Caddyfile"])
        .expect(0);
    assert_eq!(
        Launch::new(BIN)
            .stdin(untidy)
            .command(&["fmt", "-"])
            .expect(0)
            .stdout,
        tidy
    );
}

#[test]
fn fmt_leaves_toml_alone() {
    let text = "about = \"\"\"\n  two\n    lines\"\"\"\n";
    let launch = Launch::new(BIN).file("gateway.toml", text);
    let run = launch.command(&["fmt", "gateway.toml"]).expect(2);
    assert!(
        run.stdout.is_empty() && run.stderr.contains("is TOML"),
        "{run:?}"
    );
}

#[test]
fn the_other_commands_do_their_work() {
    let adapted = Launch::caddyfile(BIN, GOOD)
        .command(&["adapt", "-c", "Caddyfile"])
        .expect(0);
    let json: Value = serde_json::from_str(&adapted.stdout).unwrap();
    assert_eq!(
        json["listeners"].as_array().map(Vec::len),
        Some(1),
        "{json}"
    );
    let explained = Launch::caddyfile(BIN, GOOD).command(&[
        "explain",
        "-c",
        "Caddyfile",
        "GET",
        "http://localhost:8080/a",
    ]);
    assert!(explained.expect(0).stdout.contains("respond"));
    let hash = Launch::new(BIN)
        .command(&["hash-key", "--secret", "a long enough secret"])
        .expect(0)
        .stdout;
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let version = Launch::new(BIN).command(&["version"]).expect(0).stdout;
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            Launch::new(BIN)
                .command(&["completions", shell])
                .expect(0)
                .stdout
                .contains("ferrogate")
        );
    }
    Launch::new(BIN)
        .command(&["completions", "nonsense"])
        .expect(2);
    Launch::new(BIN).command(&[]).expect(2);
    let planned = Launch::new(BIN).command(&["doctor"]).expect(2);
    assert!(
        planned.stderr.contains("not available yet"),
        "{}",
        planned.stderr
    );
}

#[test]
fn adapt_migrates_from_ferro_labs() {
    let text = "strategy: { mode: fallback }\ntargets:\n  - virtual_key: openai\naliases: { fast: gpt-4o-mini }\n";
    let launch = |text: &str| Launch::new(BIN).file("gateway.yaml", text);
    let adapt = |to: &str, text: &str| {
        launch(text).command(&[
            "adapt",
            "--from",
            "ferro-labs",
            "-c",
            "gateway.yaml",
            "--to",
            to,
        ])
    };
    let caddyfile = adapt("caddyfile", text).expect(0).stdout;
    assert!(
        caddyfile.starts_with(":8080 {") && caddyfile.contains("alias fast gpt-4o-mini"),
        "{caddyfile}"
    );
    Launch::caddyfile(BIN, &caddyfile)
        .command(&["validate", "-c", "Caddyfile"])
        .expect(0);
    let json: Value = serde_json::from_str(&adapt("json", text).expect(0).stdout).unwrap();
    let models = &json["ai_gateways"][0]["models"];
    assert_eq!(models[1]["aliases"], json!(["fast"]), "{models}");
    let refused = adapt("caddyfile", "targets: []\nplugins: []\n").expect(1);
    assert!(
        refused.stdout.is_empty() && refused.stderr.contains("`plugins` is not available yet"),
        "{refused:?}"
    );
    launch(text)
        .command(&["adapt", "--from", "ferro-labs"])
        .expect(2);
}
