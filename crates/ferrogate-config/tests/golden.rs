//! Files and what becomes of them: broken ones to rendered diagnostics, good ones to the model as JSON.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its files has failed"
)]

use std::path::Path;

use ferrogate_config::{LoadOptions, Loaded, load, load_str};

/// The variables that are set in these tests.
fn env(name: &str) -> Option<String> {
    match name {
        "SET" => Some("from-the-environment".to_owned()),
        "SET_RANGE" => Some("10.0.0.0".to_owned()),
        "DOMAIN" => Some("env.example.com".to_owned()),
        "TWO_WORDS" => Some("hello 200".to_owned()),
        "DIRECTIVE" => Some("respond /injected yes 200".to_owned()),
        "TEST_OPENAI_KEY" | "FERROGATE_DEV_KEY" => Some("sk-test-value".to_owned()),
        _ => None,
    }
}

fn read(path: &Path) -> Loaded {
    let text = std::fs::read_to_string(path).unwrap();
    let base = path.parent().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let unset = |_: &str| None;
    let bare = name.ends_with("_unset.caddyfile");
    load_str(
        name,
        &text,
        base,
        &LoadOptions {
            env: if bare { &unset } else { &env },
            format: None,
        },
    )
}

#[test]
fn diagnostics() {
    insta::glob!("diagnostics/*.caddyfile", |path| {
        let loaded = read(path);
        assert_eq!(loaded.config.is_some(), loaded.report.is_ok());
        assert!(
            !loaded.report.diagnostics().is_empty(),
            "{} has nothing wrong with it",
            path.display()
        );
        insta::assert_snapshot!(loaded.report.render(false));
    });
}

#[test]
fn resolved() {
    insta::glob!("resolved/*.caddyfile", |path| {
        let loaded = read(path);
        let report = loaded.report.render(false);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{} does not load:\n{report}", path.display()));
        let json = serde_json::to_string_pretty(&config).unwrap();
        // The configuration hides its own files, whose paths differ from machine to machine.
        insta::assert_snapshot!(json.replace(env!("CARGO_MANIFEST_DIR"), "[crate]"));
    });
}

#[test]
fn what_is_not_available_is_understood_and_not_run() {
    for (text, ok, runnable) in [
        ("http://a {\n}\n", true, true),
        ("a.example.com {\n}\n", true, false),
        ("a.example.com {\n respnd\n}\n", false, false),
    ] {
        let options = LoadOptions {
            env: &env,
            format: None,
        };
        let Loaded { config, report } = load_str("Caddyfile", text, Path::new(""), &options);
        assert_eq!(
            (report.is_ok(), report.is_runnable(), config.is_some()),
            (ok, runnable, ok),
            "{text}"
        );
        assert_eq!(report.to_json()["runnable"], runnable, "{text}");
        assert_eq!(
            report.unavailable().count(),
            usize::from(text.starts_with("a."))
        );
    }
}

#[test]
fn a_missing_file_is_an_error() {
    let loaded = load(
        Path::new("no/such/Caddyfile"),
        &LoadOptions {
            env: &env,
            format: None,
        },
    );
    let codes: Vec<_> = loaded.report.errors().map(|error| error.code).collect();
    assert_eq!(
        (codes.as_slice(), loaded.config.is_none()),
        (["unreadable"].as_slice(), true)
    );
}

#[test]
fn a_file_that_is_no_text_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Caddyfile");
    std::fs::write(&path, b":8080 {\n\trespond \"caf\xe9\"\n}\n").unwrap();
    let options = LoadOptions {
        env: &env,
        format: None,
    };
    let loaded = load(&path, &options);
    let report = loaded.report.render(false);
    assert!(
        report.contains("is not UTF-8 text, as line 2 shows")
            && report.contains("save it as UTF-8"),
        "{report}"
    );
}

#[test]
fn the_name_tells_the_format() {
    let code = |name: &str| {
        let loaded = load_str(
            name,
            ":80 {\n}\n",
            Path::new(""),
            &LoadOptions {
                env: &env,
                format: None,
            },
        );
        loaded.report.errors().map(|error| error.code).next()
    };
    assert_eq!(code("Caddyfile"), None);
    assert_eq!(code("Caddyfile.prod"), None);
    assert_eq!(code("x.caddyfile"), None);
    assert_eq!(code("x.yaml"), Some("unknown-format"));
}

/// A certificate and a key in a folder of their own; PEM in form only.
fn certificate() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let pem = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&certificate, pem("CERTIFICATE")).unwrap();
    std::fs::write(&key, pem("PRIVATE KEY")).unwrap();
    let line = format!("tls {} {}", certificate.display(), key.display());
    (folder, line)
}

#[test]
fn a_certificate_makes_an_address_https() {
    let (_folder, tls) = certificate();
    let load = |text: &str| {
        let text = text.replace("TLS", &tls);
        load_str(
            "Caddyfile",
            &text,
            Path::new(""),
            &LoadOptions {
                env: &env,
                format: None,
            },
        )
    };
    for (address, socket) in [
        ("example.com", "[::]:443"),
        (":8443", "[::]:8443"),
        ("https://example.com:9000", "[::]:9000"),
        ("localhost", "[::]:443"),
    ] {
        let loaded = load(&format!("{address} {{\n TLS\n}}\n"));
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{}", loaded.report.render(false)));
        assert_eq!(config.listeners[0].address.to_string(), socket, "{address}");
        assert!(
            config.listeners[0].tls && config.sites[0].tls.is_some(),
            "{address}"
        );
    }
    for (text, code) in [
        ("http://a {\n TLS\n}\n", "tls-on-http"),
        (":80 {\n TLS\n}\n", "port-protocol"),
        (
            "a:8443 {\n TLS\n}\n:8443 {\n TLS\n}\nhttp://b:8443 {\n}\n",
            "mixed-protocols",
        ),
    ] {
        let codes: Vec<_> = load(text).report.errors().map(|error| error.code).collect();
        assert_eq!(codes, [code], "{text}");
    }
}

#[test]
fn swapped_certificate_and_key_are_noticed() {
    let (folder, _) = certificate();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = format!("a {{\n tls {} {}\n}}\n", path("key.pem"), path("cert.pem"));
    let loaded = load_str(
        "Caddyfile",
        &text,
        Path::new(""),
        &LoadOptions {
            env: &env,
            format: None,
        },
    );
    let codes: Vec<_> = loaded.report.errors().map(|error| error.code).collect();
    assert_eq!(codes, ["invalid-pem", "invalid-pem"]);
}

#[test]
fn secrets_keep_their_origin_and_stay_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "from-the-file\n").unwrap();
    let text = format!(
        ":80 {{\n ai_gateway {{\n  provider p {{\n   kind openai-compatible\n   base_url http://x/v1\n   api_key \
         {{file.{}}}\n   api_key {{env.SET}}\n   api_key {{$SET}}\n   api_key {{$NONE:dflt}}\n   api_key sk-literal\n   \
         oops\n  }}\n }}\n}}\n",
        file.display()
    );
    let options = LoadOptions {
        env: &env,
        format: None,
    };
    let broken = load_str("Caddyfile", &text, Path::new(""), &options);
    assert!(broken.config.is_none() && !broken.report.render(false).contains("sk-literal"));
    let config = load_str(
        "Caddyfile",
        &text.replace("oops", ""),
        Path::new(""),
        &options,
    )
    .config
    .unwrap();
    let keys = &config.ai_gateways[0].providers[0].api_keys;
    let values: Vec<&str> = keys.iter().map(|key| key.secret.expose()).collect();
    assert_eq!(
        values,
        [
            "from-the-file",
            "from-the-environment",
            "from-the-environment",
            "dflt",
            "sk-literal"
        ]
    );
    let shown: Vec<String> = keys.iter().map(|key| key.secret.to_string()).collect();
    let from_file = format!("{{file.{}}}", file.display());
    assert_eq!(
        shown,
        [
            from_file.as_str(),
            "{env.SET}",
            "{env.SET}",
            "{env.NONE}",
            "***"
        ]
    );
}
