//! TOML files and what becomes of them: broken ones to rendered diagnostics, good ones to the model as JSON.

use std::path::Path;

use ferrogate_config::model::Config;
use ferrogate_config::{LoadOptions, Loaded, load, load_str};
use ferrogate_types::SecretOrigin;
use proptest::prelude::*;

/// The variables that are set in these tests.
fn env(name: &str) -> Option<String> {
    match name {
        "OPENAI_API_KEY" => Some("sk-from-the-environment".to_owned()),
        "SET" => Some("value-of-set".to_owned()),
        _ => None,
    }
}

fn options() -> LoadOptions<'static> {
    LoadOptions {
        env: &env,
        format: None,
    }
}

fn read(path: &Path) -> Loaded {
    let text = std::fs::read_to_string(path).expect("the file was just listed");
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("test files have plain names");
    load_str(
        name,
        &text,
        path.parent().expect("test files lie in a folder"),
        &options(),
    )
}

fn config(text: &str) -> Config {
    let loaded = load_str("t.toml", text, Path::new(""), &options());
    loaded
        .config
        .unwrap_or_else(|| panic!("does not load:\n{}", loaded.report.render(false)))
}

fn codes(text: &str) -> Vec<&'static str> {
    let loaded = load_str("t.toml", text, Path::new(""), &options());
    loaded
        .report
        .diagnostics()
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}

#[test]
fn diagnostics() {
    insta::glob!("toml_diagnostics/*.toml", |path| {
        let loaded = read(path);
        assert_eq!(loaded.config.is_some(), loaded.report.is_ok());
        assert!(
            !loaded.report.diagnostics().is_empty(),
            "{} has nothing wrong with it",
            path.display()
        );
        let shown = loaded.report.render(false);
        assert!(
            !shown.contains("hidden-"),
            "{} shows a secret:\n{shown}",
            path.display()
        );
        insta::assert_snapshot!(shown);
    });
}

#[test]
fn resolved() {
    insta::glob!("toml_resolved/*.toml", |path| {
        let loaded = read(path);
        let report = loaded.report.render(false);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{} does not load:\n{report}", path.display()));
        insta::assert_snapshot!(format!(
            "{}\n{report}",
            serde_json::to_string_pretty(&config).unwrap()
        ));
    });
}

#[test]
fn an_empty_file_listens_and_does_nothing() {
    let config = config("");
    assert_eq!(config.listeners[0].address.to_string(), "127.0.0.1:8080");
    assert!(config.sites[0].routes.is_empty() && config.ai_gateways.is_empty());
}

#[test]
fn toml_and_caddyfile_come_to_the_same_gateway() {
    let toml = r#"
        [[providers]]
        name = "openai"
        kind = "openai"
        api_keys = [{ key = "{env.OPENAI_API_KEY}", weight = 2 }]
        max_concurrency = "5 queue 2"
        timeout = { connect = "1s", first_token = "30s" }
        retry = { attempts = 3, statuses = [429, "5xx"], budget = "10%" }
        circuit_breaker = "off"
        headers = { X-Org = "org" }
        [[models]]
        name = "big"
        aliases = ["large"]
        targets = [{ provider = "openai", model = "gpt-4o" }]
        input_price_per_1m = 2.50
        [[models]]
        name = "gpt-*"
        strategy = "hash header X-Conversation ttl 1h"
        fallback_model = ["big"]
        hedge = "after 800ms max_extra 10%"
        commit_window = "16 events 2s"
        [[models.targets]]
        provider = "openai"
        weight = 70
        label = "B"
        retry = { attempts = 1 }
        input_price_per_1m = 1
        [[models.targets]]
        provider = "openai"
        model = "gpt-4o"
        priority = 7
        [[models]]
        name = "asked"
        strategy = "conditional"
        targets = [
            { provider = "openai", when = ["stream and metadata.tier gold", "prompt_contains \"a b\""] },
            { provider = "openai", model = "gpt-4o" },
        ]
        [[api_keys]]
        id = "k"
        key_env = "SET"
        scopes = ["models.read"]
        allowed_models = ["large"]
        expires_at_unix = 1798761599
    "#;
    let caddyfile = "
        :8080 {
            ai_gateway {
                provider openai {
                    kind openai
                    api_key {env.OPENAI_API_KEY} weight 2
                    max_concurrency 5 queue 2
                    timeout {
                        connect 1s
                        first_token 30s
                    }
                    retry {
                        attempts 3
                        statuses 429 5xx
                        budget 10%
                    }
                    circuit_breaker off
                    header X-Org org
                }
                model big large -> openai:gpt-4o {
                    input_price_per_1m 2.5
                }
                model gpt-* -> openai openai:gpt-4o {
                    strategy hash header X-Conversation ttl 1h
                    fallback_model big
                    hedge after 800ms max_extra 10%
                    commit_window 2s 16 events
                    target openai {
                        weight 70
                        label B
                        retry {
                            attempts 1
                        }
                        input_price_per_1m 1
                    }
                    target openai:gpt-4o {
                        priority 7
                    }
                }
                model asked {
                    strategy conditional
                    target openai {
                        when stream and metadata.tier gold
                        when prompt_contains \"a b\"
                    }
                    target openai:gpt-4o
                }
                api_key k {
                    key_env SET
                    scopes models.read
                    allowed_models large
                    expires 2026-12-31T23:59:59Z
                }
            }
        }
    ";
    let other = load_str("Caddyfile", caddyfile, Path::new(""), &options())
        .config
        .unwrap();
    let shown = |config: &Config| {
        let mut json = serde_json::to_value(&config.ai_gateways).unwrap();
        forget_places(&mut json);
        json
    };
    assert_eq!(shown(&config(toml)), shown(&other));
}

/// Removes what tells where something was written.
fn forget_places(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(fields) => {
            fields.remove("origin");
            fields.values_mut().for_each(forget_places);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget_places),
        _ => {}
    }
}

#[test]
fn secrets_know_their_variable() {
    let config = config("[[providers]]\nname = \"openai\"\napi_key_env = \"OPENAI_API_KEY\"\n");
    let secret = &config.ai_gateways[0].providers[0].api_keys[0].secret;
    assert_eq!(secret.expose(), "sk-from-the-environment");
    assert_eq!(
        secret.origin(),
        &SecretOrigin::Env("OPENAI_API_KEY".to_owned())
    );
}

#[test]
fn prices_are_never_floats() {
    for written in ["0.15", "\"0.15\"", "0.1_5", "15e-2"] {
        let text = format!(
            "[[providers]]\nname = \"echo\"\n[[models]]\nname = \"m\"\nprovider = \"echo\"\ninput_price_per_1m = {written}\n"
        );
        let expected: &[&str] = if written.contains('e') {
            &["invalid-value"]
        } else {
            &[]
        };
        assert_eq!(codes(&text), expected, "{written}");
    }
}

#[test]
fn certificates_are_looked_for_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
    std::fs::write(folder.path().join("cert.pem"), pem("CERTIFICATE")).unwrap();
    std::fs::write(folder.path().join("key.pem"), pem("PRIVATE KEY")).unwrap();
    let file = folder.path().join("ferrogate.toml");
    let tls =
        "[tls]\nenabled = true\ncert_path = \"cert.pem\"\nkey_path = \"key.pem\"\nhttp2 = true\n";
    std::fs::write(&file, format!("listen = \"0.0.0.0:443\"\n{tls}")).unwrap();
    let loaded = load(&file, &options());
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{}", loaded.report.render(false)));
    let listener = &config.listeners[0];
    assert_eq!((listener.tls, listener.options.h2), (true, true));
    let certificate = &config.sites[0].tls.as_ref().unwrap().certificates[0];
    assert_eq!(certificate.certificate, folder.path().join("cert.pem"));
}

#[test]
fn one_listener_cannot_take_the_port_of_the_other() {
    let text = |admin: &str| format!("listen = \"0.0.0.0:8080\"\n[admin]\nlisten = \"{admin}\"\n");
    assert_eq!(codes(&text("127.0.0.1:8080")), ["listener-overlap"]);
    assert!(codes(&text("127.0.0.1:2019")).is_empty());
}

const SEED: &str = include_str!("toml_resolved/seed.toml");

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z=\\[\\]{}\"'.\n\\\\ 0-9$é-]{0,80}") {
        let loaded = load_str("t.toml", &text, Path::new(""), &options());
        prop_assert_eq!(loaded.config.is_some(), loaded.report.is_ok());
        loaded.report.render(true);
    }

    #[test]
    fn no_damage_shows_a_secret(at in 0..SEED.len(), with in "[=\"'\\[\\]\n{}#a]?", cut in 0..3_usize) {
        let damaged: String =
            SEED.chars().take(at).chain(with.chars()).chain(SEED.chars().skip(at + cut)).collect();
        let loaded = load_str("t.toml", &damaged, Path::new(""), &options());
        prop_assert_eq!(loaded.config.is_some(), loaded.report.is_ok());
        let whole = damaged.contains("key = \"dev-secret\"");
        prop_assert!(!whole || !loaded.report.render(false).contains("dev-secret"), "{}", loaded.report.render(false));
    }
}
