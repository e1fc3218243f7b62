//! Whoever holds the master key.

use std::net::SocketAddr;

use serde_json::Value;

use crate::{Request, Response};

/// Somebody who asks the admin API with a credential.
#[derive(Clone, Debug)]
pub struct Operator {
    address: SocketAddr,
    credential: String,
}

impl Operator {
    /// Whoever has this credential, at a gateway.
    pub fn at(address: SocketAddr, credential: &str) -> Self {
        Self {
            address,
            credential: credential.to_owned(),
        }
    }

    /// Reads what is at a path below `/admin/v1/`.
    pub fn get(&self, path: &str) -> Response {
        self.send(Request::get(&at(path)))
    }

    /// Makes something there.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Request::post(&at(path), body))
    }

    /// Changes something there.
    pub fn patch(&self, path: &str, body: &Value) -> Response {
        let request = Request::new("PATCH", &at(path)).body(body.to_string());
        self.send(request.header("Content-Type", "application/merge-patch+json"))
    }

    /// Puts something there.
    pub fn put(&self, path: &str, body: &Value) -> Response {
        let request = Request::new("PUT", &at(path)).body(body.to_string());
        self.send(request.header("Content-Type", "application/json"))
    }

    /// Deletes what is there.
    pub fn delete(&self, path: &str) -> Response {
        self.send(Request::new("DELETE", &at(path)))
    }

    /// Every row of a list, page after page.
    pub fn all(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = None;
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let after = cursor.map(|cursor: String| format!("&cursor={cursor}"));
            let target = format!("{path}{mark}limit=200{}", after.unwrap_or_default());
            let page = self.get(&target).expect(200).json();
            rows.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return rows,
            }
        }
    }

    fn send(&self, request: Request) -> Response {
        request.bearer(&self.credential).send(self.address)
    }
}

fn at(path: &str) -> String {
    format!("/admin/v1/{path}")
}
