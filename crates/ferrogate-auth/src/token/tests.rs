use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ferrogate_types::Scope;
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;
use crate::{AuthError, Credentials, KeyDirectory, Keyring};

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An identity provider with one key of each modern kind.
struct Provider {
    edwards: Ed25519KeyPair,
    ecdsa: EcdsaKeyPair,
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        let edwards = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ecdsa = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self {
            edwards: Ed25519KeyPair::from_pkcs8(edwards.as_ref()).unwrap(),
            ecdsa: EcdsaKeyPair::from_pkcs8(algorithm, ecdsa.as_ref(), &random).unwrap(),
        }
    }

    fn keys(&self, suffix: &str) -> Vec<u8> {
        let point = self.ecdsa.public_key().as_ref();
        let ed = encode(self.edwards.public_key());
        let document = json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": format!("ed{suffix}"), "x": ed},
            {"kty": "EC", "crv": "P-256", "kid": format!("ec{suffix}"), "alg": "ES256",
             "x": encode(&point[1..33]), "y": encode(&point[33..])},
            {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
            {"kty": "OKP", "crv": "Ed25519", "use": "enc", "kid": "for-encryption", "x": ed},
        ]});
        document.to_string().into_bytes()
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let signature = if header["alg"] == "ES256" {
            let signature = self.ecdsa.sign(&SystemRandom::new(), message.as_bytes());
            encode(signature.unwrap())
        } else {
            encode(self.edwards.sign(message.as_bytes()))
        };
        format!("{message}.{signature}")
    }

    fn token(&self, kid: &str, claims: &Value) -> String {
        let alg = if kid.starts_with("ec") {
            "ES256"
        } else {
            "EdDSA"
        };
        self.sign(&json!({"alg": alg, "kid": kid, "typ": "JWT"}), claims)
    }
}

/// Serves whatever document is current, and counts.
#[derive(Debug, Default)]
struct Source {
    document: Mutex<Vec<u8>>,
    fetches: AtomicUsize,
}

#[async_trait]
impl JwksSource for Source {
    async fn fetch(&self, _: &str) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        Ok(self.document.lock().clone())
    }
}

fn spec() -> IssuerSpec {
    let mut spec = IssuerSpec::new(
        "https://idp.example".to_owned(),
        vec!["ferrogate".to_owned()],
        "https://idp.example/keys".to_owned(),
    );
    spec.mapping = ClaimMapping {
        tenant: Some("org.id".to_owned()),
        scopes: Some("scope".to_owned()),
        scope_words: vec![(
            "operator".to_owned(),
            [Scope::AdminRead].into_iter().collect(),
        )],
        ..ClaimMapping::default()
    };
    spec
}

fn claims() -> Value {
    json!({"iss": "https://idp.example", "aud": ["other", "ferrogate"], "sub": "alice", "exp": 1_000,
           "org": {"id": "acme"}, "scope": "models.read operator unknown"})
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

async fn verify(
    issuer: &Arc<Issuer>,
    token: &str,
    now: u64,
) -> Result<Arc<TokenIdentity>, TokenError> {
    let verifier = TokenVerifier::new(vec![Arc::clone(issuer)]);
    verifier.verify(token, KeyDigest::of(token), now).await
}

/// Runs `test` beside the task that keeps the keys fresh, which has a first success behind it.
async fn with_keys<T>(issuer: &Issuer, source: &Source, test: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        () = issuer.keep_fresh(source) => unreachable!("it never returns"),
        done = test => done,
    }
}

#[tokio::test(start_paused = true)]
async fn reads_who_the_bearer_is() {
    let provider = Provider::new();
    let source = Source::default();
    *source.document.lock() = provider.keys("");
    let issuer = Arc::new(Issuer::new(spec()));
    with_keys(&issuer, &source, async {
        for kid in ["ed", "ec"] {
            let token = provider.token(kid, &claims());
            let found = verify(&issuer, &token, 900).await.unwrap();
            assert_eq!(found.tenant.as_ref().unwrap().as_str(), "acme");
            assert_eq!(found.user.as_ref().unwrap().as_str(), "alice");
            let scopes: Vec<_> = found.scopes.iter().map(Scope::as_str).collect();
            assert_eq!(scopes, ["models.read", "admin.read"]);
            let digest = KeyDigest::of(&token);
            assert_eq!(issuer.known(&digest, 1_059), Some(found));
            assert_eq!(issuer.known(&digest, 1_060), None);
        }
        let unnamed = provider.sign(&json!({"alg": "EdDSA"}), &claims());
        assert!(verify(&issuer, &unnamed, 900).await.is_ok());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_takes_tokens_of_its_own_issuers_only() {
    let provider = Provider::new();
    let source = Source::default();
    *source.document.lock() = provider.keys("");
    let issuer = Arc::new(Issuer::new(spec()));
    let tokens = TokenVerifier::new(vec![Arc::clone(&issuer)]);
    let lasting = Arc::new(Credentials::new(None, tokens));
    let gateway = || KeyDirectory::new(Arc::new(Keyring::new(Vec::new())), Arc::clone(&lasting));
    let (any, own) = (gateway(), gateway().trusting([spec().issuer]));
    let other = gateway().trusting([]);
    let refused = AuthError::Token(TokenError::Issuer);
    let token = provider.token("ec", &claims());
    with_keys(&issuer, &source, async {
        // First as one that nobody has seen, then as one that was verified elsewhere.
        for _ in 0..2 {
            let found = other.authenticate(&token, None, 900).await;
            assert_eq!(found.map(|who| who.to_string()), Err(refused.clone()));
            for gateway in [&any, &own] {
                let found = gateway.authenticate(&token, None, 900).await.unwrap();
                assert_eq!(found.to_string(), "the token of `alice`");
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn refuses_what_is_not_as_it_should_be() {
    let provider = Provider::new();
    let source = Source::default();
    *source.document.lock() = provider.keys("");
    let issuer = Arc::new(Issuer::new(spec()));
    let claim = |name: &str| TokenError::Claim(name.to_owned());
    with_keys(&issuer, &source, async {
        // The first one waits for the first keys.
        verify(&issuer, &provider.token("ed", &claims()), 900)
            .await
            .unwrap();
        for (name, value, expected) in [
            ("exp", json!(839), TokenError::Expired),
            ("exp", Value::Null, claim("exp")),
            ("exp", json!("1000"), claim("exp")),
            ("exp", json!(-1), claim("exp")),
            ("nbf", json!(961), TokenError::NotYet),
            ("nbf", json!("0"), claim("nbf")),
            ("iat", json!(1e300), claim("iat")),
            ("iss", json!("https://evil.example"), TokenError::Issuer),
            ("iss", Value::Null, claim("iss")),
            ("aud", json!("other"), TokenError::Audience),
            ("aud", json!("other ferrogate"), TokenError::Audience),
            ("aud", Value::Null, TokenError::Audience),
            ("sub", Value::Null, claim("sub")),
            ("org", json!({}), claim("org.id")),
            ("org", json!({"id": "a b"}), claim("org.id")),
        ] {
            let token = provider.token("ed", &changed(name, value));
            let verdict = verify(&issuer, &token, 900).await;
            assert_eq!(verdict.unwrap_err(), expected, "{name}");
        }
        for (header, expected) in [
            (json!({"alg": "none"}), TokenError::Algorithm),
            (
                json!({"alg": "HS256", "kid": "shared"}),
                TokenError::Algorithm,
            ),
            // Known, but not permitted by this issuer's settings.
            (json!({"alg": "RS512", "kid": "ed"}), TokenError::Algorithm),
            (
                json!({"alg": "EdDSA", "crit": ["b64"]}),
                TokenError::Malformed,
            ),
            (
                json!({"alg": "EdDSA", "typ": "logout+jwt"}),
                TokenError::Malformed,
            ),
            // A key of another kind, one that is not for signatures, one that is not there.
            (json!({"alg": "EdDSA", "kid": "ec"}), TokenError::UnknownKey),
            (
                json!({"alg": "EdDSA", "kid": "for-encryption"}),
                TokenError::UnknownKey,
            ),
            (
                json!({"alg": "EdDSA", "kid": "gone"}),
                TokenError::UnknownKey,
            ),
        ] {
            let token = provider.sign(&header, &claims());
            assert_eq!(
                verify(&issuer, &token, 900).await.unwrap_err(),
                expected,
                "{header}"
            );
        }
        let token = provider.token("ed", &claims());
        let forged = Provider::new().token("ed", &claims());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let other = provider.token("ed", &changed("sub", json!("mallory")));
        let swapped = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
        for wrong in [&forged, &swapped, &format!("{message}.")] {
            assert_eq!(
                verify(&issuer, wrong, 900).await.unwrap_err(),
                TokenError::Signature
            );
        }
        for broken in [
            "",
            "..",
            "eyJ.e30.",
            "a.b",
            "e30.e30.e30",
            "eyJhbGciOiJFZERTQSJ9.bm8.AA",
        ] {
            assert_eq!(
                verify(&issuer, broken, 900).await.unwrap_err(),
                TokenError::Malformed
            );
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_fetched_when_it_is_seen_and_not_too_often() {
    let [old, new] = [(); 2].map(|()| Provider::new());
    let source = Source::default();
    *source.document.lock() = old.keys("-old");
    let issuer = Arc::new(Issuer::new(spec()));
    let [old_token, new_token] = [
        old.token("ed-old", &claims()),
        new.token("ed-new", &claims()),
    ];
    with_keys(&issuer, &source, async {
        verify(&issuer, &old_token, 900).await.unwrap();
        *source.document.lock() = new.keys("-new");
        // Keys were fetched a moment ago: no guess makes us fetch them again at once.
        assert_eq!(
            verify(&issuer, &new_token, 900).await.unwrap_err(),
            TokenError::UnknownKey
        );
        assert_eq!(source.fetches.load(Ordering::SeqCst), 1);
        tokio::time::sleep(std::time::Duration::from_secs(31)).await;
        verify(&issuer, &new_token, 900).await.unwrap();
        assert_eq!(source.fetches.load(Ordering::SeqCst), 2);
        // What a key signed that is gone is worth nothing, though it was verified once.
        assert_eq!(issuer.known(&KeyDigest::of(&old_token), 900), None);
        assert!(verify(&issuer, &old_token, 900).await.is_err());
        // Broken documents change nothing.
        *source.document.lock() = b"<html>".to_vec();
        tokio::time::sleep(std::time::Duration::from_secs(3_700)).await;
        assert!(source.fetches.load(Ordering::SeqCst) > 2);
        verify(&issuer, &new_token, 900).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_nobody_is_blamed() {
    let source = Source::default();
    let issuer = Arc::new(Issuer::new(spec()));
    let token = Provider::new().token("ed", &claims());
    let alone = verify(&issuer, &token, 900).await.unwrap_err();
    assert_eq!(alone, TokenError::Unavailable);
    let error = with_keys(&issuer, &source, async {
        tokio::task::yield_now().await;
        verify(&issuer, &token, 900).await.unwrap_err()
    })
    .await;
    assert_eq!(error, TokenError::Unavailable);
    assert!(!error.is_guess());
}

/// Made with OpenSSL 3: a key of 2048 bits, and one of 1024 that nothing may be signed with.
#[tokio::test(start_paused = true)]
async fn keys_of_rsa_have_two_thousand_bits() {
    let source = Source::default();
    *source.document.lock() = include_bytes!("fixtures/rsa.json").to_vec();
    let mut spec = spec();
    spec.mapping.tenant = None;
    spec.algorithms = vec![Algorithm::Rs256, Algorithm::Ps256];
    let issuer = Arc::new(Issuer::new(spec));
    with_keys(&issuer, &source, async {
        for token in [
            include_str!("fixtures/rs256.jwt"),
            include_str!("fixtures/ps256.jwt"),
        ] {
            verify(&issuer, token, 900).await.unwrap();
        }
        let small = include_str!("fixtures/rs256-1024-bits.jwt");
        assert_eq!(
            verify(&issuer, small, 900).await.unwrap_err(),
            TokenError::Signature
        );
    })
    .await;
}
