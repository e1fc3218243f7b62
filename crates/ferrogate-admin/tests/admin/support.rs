//! A gateway's admin API with callers.

use std::sync::Arc;

use axum::body::Bytes;
use ferrogate_admin::{Admin, Caller};
use ferrogate_auth::{Principal, Sessions, TokenIdentity};
use ferrogate_billing::Ledger;
use ferrogate_storage::{Dsn, Store};
use ferrogate_types::{ScopeSet, clock};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::node::FakeNode;

pub(crate) struct Gateway {
    pub(crate) admin: Admin,
    pub(crate) node: Arc<FakeNode>,
    pub(crate) store: Arc<Store>,
    pub(crate) ledger: Ledger,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum By {
    Master,
    /// Whoever shows this secret.
    Secret(String),
    /// Somebody whose token an identity provider signed, with every scope.
    Token,
    Nobody,
}

/// A request to be sent.
pub(crate) struct Ask<'a> {
    gateway: &'a Gateway,
    request: http::request::Builder,
    by: By,
    body: Bytes,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Gateway {
    pub(crate) fn new() -> Self {
        Self::with(Ledger::in_memory(), &Dsn::Memory, true)
    }

    /// Where the master key is not set, so that keys can be the last that administer.
    pub(crate) fn without_master() -> Self {
        Self::with(Ledger::in_memory(), &Dsn::Memory, false)
    }

    pub(crate) fn with(ledger: Ledger, dsn: &Dsn, master: bool) -> Self {
        let store = Arc::new(Store::open(dsn).unwrap());
        let node = Arc::new(FakeNode::new(Arc::clone(&store), ledger.clone(), master));
        let sessions = Arc::new(Sessions::default());
        Self {
            admin: Admin::new(
                Arc::clone(&node) as _,
                Arc::clone(&store),
                Arc::clone(&store),
                ledger.clone(),
                sessions,
            ),
            node,
            store,
            ledger,
        }
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let method: Method = method.parse().unwrap();
        let path = match path.strip_prefix("/admin/") {
            Some(_) => path.to_owned(),
            None => format!("/admin/v1/{path}"),
        };
        Ask {
            gateway: self,
            request: Request::builder().method(method).uri(path),
            by: By::Master,
            body: Bytes::new(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path).json(&body).send().await
    }

    /// Makes a key and returns its secret.
    pub(crate) async fn key(&self, body: Value) -> String {
        let made = self.post("api-keys", body).await.expect(201);
        made.json["secret"].as_str().unwrap().to_owned()
    }

    async fn caller(&self, by: &By) -> Caller {
        let principal = match by {
            By::Nobody => None,
            By::Token => Some(Principal::Token(Arc::new(TokenIdentity {
                issuer: "https://idp.example".to_owned(),
                subject: "eve".to_owned(),
                tenant: None,
                user: None,
                scopes: ScopeSet::all(),
                expires: u64::MAX,
            }))),
            By::Master => Some(Principal::Master),
            By::Secret(secret) => {
                let now = clock::since_epoch().as_secs();
                let found = self.node.keys.authenticate(secret, None, now).await;
                Some(found.unwrap())
            }
        };
        Caller {
            principal,
            address: Some("192.0.2.7".parse().unwrap()),
            secure: true,
        }
    }
}

impl Ask<'_> {
    pub(crate) fn by(self, by: &By) -> Self {
        Self {
            by: by.clone(),
            ..self
        }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self {
            request: self.request.header(name, value),
            ..self
        }
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn body(self, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            request: self.request.header("content-type", media_type),
            body: body.into(),
            ..self
        }
    }

    pub(crate) async fn send(self) -> Answer {
        let caller = self.gateway.caller(&self.by).await;
        let request = self.request.body(self.body).unwrap();
        let shown = format!("{} {}", request.method(), request.uri());
        let is_head = request.method() == Method::HEAD;
        let response = self.gateway.admin.answer(caller, request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let media_type = parts.headers.get("content-type");
        let is_json = media_type.is_some_and(|value| value == "application/json");
        let json = if is_json && !is_head {
            serde_json::from_str(&text).unwrap()
        } else {
            Value::Null
        };
        // What holds of every answer.
        assert_eq!(parts.headers["cache-control"], "no-store", "{shown}");
        if !parts.status.is_success() && !is_head {
            let error = &json["error"];
            for member in ["message", "type", "code"] {
                assert!(error[member].is_string(), "{shown}: {text}");
            }
            assert!(error.get("param").is_some(), "{shown}: {text}");
        }
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
            json,
        }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The code of an error with that status.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json["error"]["code"], code, "{}", answer.text);
        answer
    }

    pub(crate) fn etag(&self) -> &str {
        self.headers["etag"].to_str().unwrap()
    }

    /// The ids of a list.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let rows = self.json["data"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
    }
}
