//! Configurations of the documentation: they load and serve. Only ports and addresses of providers are changed.

use ferrogate_testkit::{FakeOpenAi, Launch, Request};
use serde_json::json;

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

const CADDYFILE: &str = r#":0 {
    log

    respond /healthz "ok" 200

    ai_gateway {
        provider openai {
            kind openai-compatible
            base_url https://api.openai.com/v1
            api_key {env.OPENAI_API_KEY}
        }

        model fast-chat -> openai:gpt-4o-mini {
            capabilities chat streaming
            input_price_per_1m 0.15
            output_price_per_1m 0.60
        }

        api_key key_dev {
            key {$FERROGATE_DEV_KEY}
            scopes models.read chat.completions admin.read
            allowed_models fast-chat
            allowed_providers openai
            request_limit_per_minute 60
            monthly_token_budget 1000000
        }
    }

    route /v1/* {
        reverse_proxy https://api.openai.com {
            header_up Authorization "Bearer {env.OPENAI_API_KEY}"
        }
    }
}
"#;

const TOML: &str = r#"listen = "127.0.0.1:0"

[admin]
listen = "127.0.0.2:0"

[telemetry]
access_log = "error"
access_log_sample_rate = 100
access_log_error_rate_limit_per_sec = 100

[storage]
request_log_retention_records = 10000
audit_event_retention_records = 10000
billing_event_retention_records = 10000
admin_list_default_limit = 100
admin_list_max_limit = 1000

[reliability]
provider_circuit_breaker_failure_threshold = 3
provider_circuit_breaker_cooldown_secs = 30
provider_dispatch_timeout_secs = 10
provider_dispatch_max_retries = 1
provider_response_body_max_bytes = 16777216
graceful_shutdown_grace_period_secs = 3
graceful_shutdown_timeout_secs = 15

[[providers]]
name = "openai"
kind = "openai-compatible"
base_url = "https://api.openai.com/v1"
api_key_env = "OPENAI_API_KEY"

[[models]]
name = "fast-chat"
provider = "openai"
provider_model = "gpt-4o-mini"
capabilities = ["chat", "streaming"]
input_price_per_1m = "0.15"
output_price_per_1m = "0.60"

[[api_keys]]
id = "dev"
key = "dev-secret"
scopes = ["models.read", "chat.completions", "admin.read"]
"#;

fn chat() -> Request {
    let body = json!({ "model": "fast-chat", "messages": [{ "role": "user", "content": "hello" }], "max_tokens": 10 });
    Request::post("/v1/chat/completions", &body)
}

fn at(text: &str, upstream: &FakeOpenAi) -> String {
    assert!(text.contains("https://api.openai.com/v1"));
    text.replace("https://api.openai.com/v1", &upstream.base_url())
}

#[test]
fn the_caddyfile_serves() {
    let upstream = FakeOpenAi::start();
    let gateway = Launch::caddyfile(BIN, &at(CADDYFILE, &upstream))
        .env("OPENAI_API_KEY", "sk-from-env")
        .env("FERROGATE_DEV_KEY", "dev-secret")
        .start();
    assert_eq!(
        Request::get("/healthz").send(gateway.address()).text(),
        "ok"
    );
    chat().send(gateway.address()).expect(401);
    chat()
        .bearer("dev-secret")
        .send(gateway.address())
        .expect(200);
    let received = &upstream.requests()[0];
    assert_eq!(received.json()["model"], "gpt-4o-mini");
    assert_eq!(
        received.head.field("authorization"),
        Some("Bearer sk-from-env")
    );
}

#[test]
fn the_caddyfile_runs_without_the_providers_credential() {
    let gateway = Launch::caddyfile(BIN, CADDYFILE)
        .env("FERROGATE_DEV_KEY", "dev-secret")
        .start();
    let log = gateway.log();
    assert!(
        log.contains("provider `openai` has no credential and is disabled"),
        "{log}"
    );
    let refused = chat()
        .bearer("dev-secret")
        .send(gateway.address())
        .expect(503);
    assert_eq!(refused.error_code(), "provider_unavailable");
    let models = Request::get("/v1/models")
        .bearer("dev-secret")
        .send(gateway.address())
        .expect(200);
    assert_eq!(
        models.json()["data"],
        json!([]),
        "what cannot be served is not listed"
    );
}

#[test]
fn the_toml_serves() {
    let upstream = FakeOpenAi::start();
    let launch = Launch::new(BIN)
        .file("ferrogate.toml", at(TOML, &upstream))
        .env("OPENAI_API_KEY", "sk-from-env");
    let gateway = launch.start_with("ferrogate.toml");
    let address = gateway.address_of("127.0.0.1:0");
    chat().send(address).expect(401);
    chat().bearer("dev-secret").send(address).expect(200);
    assert_eq!(upstream.requests()[0].json()["model"], "gpt-4o-mini");
    let status = Request::get("/admin/v1/status")
        .bearer("dev-secret")
        .send(gateway.address_of("127.0.0.2:0"));
    assert_eq!(status.expect(200).json()["models"], 1);
}
