//! Bearer tokens of identity providers.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot make its keys has failed"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ferrogate_testkit::{FakeHttp, Gateway, Launch, Request, Response};
use ferrogate_types::clock;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const ISSUER: &str = "https://id.example.com/realms/llm";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that an issuer signs with.
struct SigningKey {
    id: &'static str,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
}

impl SigningKey {
    fn ecdsa(id: &'static str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self {
            id,
            pair: Pair::Ecdsa(pair),
        }
    }

    fn edwards(id: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        Self {
            id,
            pair: Pair::Edwards(pair),
        }
    }

    fn public(&self) -> Value {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id,
                        "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
            Pair::Edwards(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": encode(pair.public_key()) })
            }
        }
    }

    fn token(&self, claims: &Value) -> String {
        let algorithm = match &self.pair {
            Pair::Ecdsa(_) => "ES256",
            Pair::Edwards(_) => "EdDSA",
        };
        self.sign(
            &json!({ "alg": algorithm, "kid": self.id, "typ": "JWT" }),
            claims,
        )
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let header = encode(header.to_string());
        let message = format!("{header}.{}", encode(claims.to_string()));
        let signature = match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message.as_bytes());
                encode(signature.unwrap())
            }
            Pair::Edwards(pair) => encode(pair.sign(message.as_bytes())),
        };
        format!("{message}.{signature}")
    }
}

/// An identity provider that publishes these keys.
fn publish(issuer: &FakeHttp, keys: &[&SigningKey]) {
    let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
    issuer.publish("/jwks", 200, &json!({ "keys": keys }).to_string());
}

/// Waits until the keys that are published now are known.
fn wait_for_refresh(issuer: &FakeHttp) {
    // The first fetch from now on gets them, and the second comes when they were taken in.
    issuer.wait_for_requests(issuer.requests().len() + 2);
}

fn launch(issuer: &FakeHttp, refresh: &str, audience: &str) -> Launch {
    let text = caddyfile(issuer, refresh, audience);
    Launch::caddyfile(BIN, &text).env("MASTER_KEY", "the-master-key-of-this-test")
}

fn caddyfile(issuer: &FakeHttp, refresh: &str, audience: &str) -> String {
    format!(
        "{{
            default_bind 127.0.0.1
            workers 2
            state memory
        }}
        http://:0 {{
            ai_gateway {{
                admin on
                provider echo
                model m -> echo
                model dear -> echo
                tenant acme {{
                    request_limit_per_minute 3
                    denied_models dear
                }}
                tenant free
                api_key beside {{
                    key secret-of-beside
                    scopes *
                }}
                jwt {ISSUER} {{
                    jwks http://{}/jwks
                    audience {audience}
                    tenant_claim org.id
                    user_claim email
                    scope_claim roles
                    scope llm-users models.read chat.completions
                    clock_skew 0
                    refresh {refresh}
                }}
            }}
        }}",
        issuer.address()
    )
}

fn now() -> u64 {
    clock::since_epoch().as_secs()
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": ["llm", "mail"], "sub": "u-1", "email": "ann@example.com",
            "org": { "id": "free" }, "roles": ["llm-users", "somewhere-else"], "exp": now() + 300 })
}

/// The claims with one that is another; with null it is missing.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Value::Null => drop(members.remove(name)),
        value => drop(members.insert(name.to_owned(), value)),
    }
    claims
}

fn ask(gateway: &Gateway, token: &str, model: &str) -> Response {
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
    Request::post("/v1/chat/completions", &body)
        .bearer(token)
        .send(gateway.address())
}

#[test]
fn a_token_calls_within_its_scopes_and_its_tenants_limits() {
    let issuer = FakeHttp::start("id");
    let keys = [SigningKey::ecdsa("ec"), SigningKey::edwards("ed")];
    publish(&issuer, &[&keys[0], &keys[1]]);
    let gateway = launch(&issuer, "1h", "llm other").start();
    for key in &keys {
        ask(&gateway, &key.token(&claims()), "m").expect(200);
    }
    let token = keys[0].token(&with("org", json!({ "id": "acme" })));
    let listed = Request::get("/v1/models").bearer(&token);
    let listed = listed.send(gateway.address()).expect(200).json();
    assert_eq!(listed["data"][0]["id"], "m", "{listed}");
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    let refused = ask(&gateway, &token, "dear").expect(403);
    assert_eq!(refused.error_code(), "model_not_allowed");
    let embed = json!({ "model": "m", "input": "a" });
    let refused = Request::post("/v1/embeddings", &embed).bearer(&token);
    let refused = refused.send(gateway.address()).expect(403);
    assert_eq!(refused.error_code(), "scope_denied");
    let first = ask(&gateway, &token, "m").expect(200);
    assert_eq!(first.header("x-ratelimit-limit-requests"), "3");
    // Whoever else belongs to the tenant shares its limit.
    let other = with("org", json!({ "id": "acme" }));
    let other = json!({ "email": "bob@example.com", "iss": ISSUER, "aud": "other", "sub": "u-2",
                        "org": other["org"], "roles": "llm-users", "exp": other["exp"] });
    for token in [&keys[1].token(&other), &token] {
        ask(&gateway, token, "m").expect(200);
    }
    let refused = ask(&gateway, &token, "m").expect(429);
    assert!(
        refused.text().contains("tenant `acme`"),
        "{}",
        refused.text()
    );
    // Nobody belongs to a tenant that there is not.
    let stranger = keys[0].token(&with("org", json!({ "id": "nobody" })));
    ask(&gateway, &stranger, "m").expect(403);
    // One fetch was enough for all of this; keys work beside tokens, and nobody does without.
    assert_eq!(issuer.requests().len(), 1);
    ask(&gateway, "secret-of-beside", "dear").expect(200);
    assert_eq!(
        Request::get("/v1/models")
            .send(gateway.address())
            .expect(401)
            .error_code(),
        "missing_api_key"
    );
}

#[test]
fn what_is_wrong_with_a_token_is_refused() {
    let issuer = FakeHttp::start("id");
    let key = SigningKey::ecdsa("ec");
    publish(&issuer, &[&key]);
    let gateway = launch(&issuer, "1h", "llm").start();
    let good = key.token(&claims());
    ask(&gateway, &good, "m").expect(200);
    let parts: Vec<&str> = good.split('.').collect();
    let unsigned = encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
    let symmetric = json!({ "alg": "HS256", "kid": "ec" });
    let elsewhere = with("org", json!({ "id": "acme" })).to_string();
    for (token, why) in [
        (key.token(&with("exp", json!(now() - 1))), "it has expired"),
        (key.token(&with("exp", Value::Null)), "claim `exp`"),
        (
            key.token(&with("nbf", json!(now() + 60))),
            "it is not valid yet",
        ),
        (key.token(&with("aud", json!("mail"))), "its audience"),
        (key.token(&with("aud", Value::Null)), "its audience"),
        (
            key.token(&with("iss", json!("https://evil.example.com"))),
            "its issuer",
        ),
        (key.token(&with("org", Value::Null)), "claim `org.id`"),
        (
            SigningKey::ecdsa("new").token(&claims()),
            "its signing key is not known",
        ),
        (
            SigningKey::ecdsa("ec").token(&claims()),
            "its signature is wrong",
        ),
        (key.sign(&symmetric, &claims()), "its algorithm"),
        (format!("{unsigned}.{}.", parts[1]), "its algorithm"),
        (
            format!("{}.{}.{}", parts[0], encode(elsewhere), parts[2]),
            "its signature is wrong",
        ),
        (format!("{}.{}.", parts[0], parts[1]), ""),
    ] {
        let refused = ask(&gateway, &token, "m").expect(401);
        assert_eq!(refused.error_code(), "invalid_api_key");
        assert!(refused.text().contains(why), "{why}: {}", refused.text());
    }
    // Whatever was refused, who is known comes in.
    ask(&gateway, &good, "m").expect(200);
}

#[test]
fn keys_that_are_exchanged_are_noticed() {
    let issuer = FakeHttp::start("id");
    let (old, new) = (SigningKey::ecdsa("old"), SigningKey::edwards("new"));
    publish(&issuer, &[&old]);
    let gateway = launch(&issuer, "1s", "llm").start();
    let (before, after) = (old.token(&claims()), new.token(&claims()));
    ask(&gateway, &before, "m").expect(200);
    publish(&issuer, &[&old, &new]);
    wait_for_refresh(&issuer);
    ask(&gateway, &after, "m").expect(200);
    ask(&gateway, &before, "m").expect(200);
    // While its server is down, an issuer's keys stay; one that it takes back ends what it signed.
    issuer.publish("/jwks", 500, "");
    wait_for_refresh(&issuer);
    ask(&gateway, &before, "m").expect(200);
    publish(&issuer, &[&new]);
    wait_for_refresh(&issuer);
    ask(&gateway, &before, "m").expect(401);
    ask(&gateway, &after, "m").expect(200);
}

#[test]
fn an_issuer_that_is_down_at_the_start_is_waited_for() {
    let issuer = FakeHttp::start("id");
    issuer.publish("/jwks", 503, "");
    let gateway = launch(&issuer, "1s", "llm").start();
    let key = SigningKey::ecdsa("ec");
    let token = key.token(&claims());
    let refused = ask(&gateway, &token, "m").expect(503);
    assert_eq!(refused.error_code(), "authentication_busy");
    assert!(!refused.header("retry-after").is_empty());
    gateway.wait_for_log(|entry| {
        entry["msg"] == "the keys of an issuer of tokens cannot be fetched"
            && entry["issuer"] == ISSUER
    });
    // Others need not wait for it.
    ask(&gateway, "secret-of-beside", "m").expect(200);
    publish(&issuer, &[&key]);
    wait_for_refresh(&issuer);
    ask(&gateway, &token, "m").expect(200);
}

#[test]
fn issuers_are_those_of_the_start() {
    let issuer = FakeHttp::start("id");
    publish(&issuer, &[&SigningKey::ecdsa("ec")]);
    let gateway = launch(&issuer, "1h", "llm").start();
    let apply = |audience: &str| {
        let text = caddyfile(&issuer, "1h", audience);
        Request::new("POST", "/admin/v1/config/validate")
            .header("Content-Type", "text/caddyfile")
            .bearer("the-master-key-of-this-test")
            .body(text)
            .send(gateway.address())
    };
    apply("llm").expect(200);
    let refused = apply("another").expect(409);
    assert_eq!(refused.error_code(), "upgrade_required");
    assert!(
        refused.text().contains("ai_gateways[].jwt"),
        "{}",
        refused.text()
    );
}
