//! The documents in which Google writes credentials.

use ferrogate_types::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::error::CredentialError;
use crate::google::external::ExternalAccount;
use crate::json;

/// A credential document, read.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) kind: Kind,
    /// Where to exchange the token for one of a service account.
    pub(super) impersonation: Option<Impersonation>,
    pub(super) quota_project: Option<String>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Service(ServiceAccount),
    User(AuthorizedUser),
    External(Box<ExternalAccount>),
}

/// The key of a service account.
#[derive(Debug)]
pub(super) struct ServiceAccount {
    pub(super) email: String,
    pub(super) key_id: Option<String>,
    /// PEM.
    pub(super) key: Secret,
    pub(super) token_uri: String,
}

/// The login of a person.
#[derive(Debug)]
pub(super) struct AuthorizedUser {
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) refresh_token: Secret,
    pub(super) token_uri: String,
}

/// A service account to act as.
#[derive(Debug)]
pub(super) struct Impersonation {
    pub(super) url: String,
    pub(super) delegates: Vec<String>,
    pub(super) lifetime_seconds: Option<u64>,
}

/// The fields of all kinds that are used.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    quota_project_id: Option<String>,
    client_email: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<ImpersonationOptions>,
    #[serde(default)]
    delegates: Vec<String>,
    source_credentials: Option<Value>,
}

#[derive(Deserialize)]
struct ImpersonationOptions {
    token_lifetime_seconds: Option<u64>,
}

impl Account {
    /// Reads the document that was found at `place`.
    pub(super) fn read(place: &str, text: &str) -> Result<Self, CredentialError> {
        let invalid =
            |problem: String| CredentialError::configuration(place, format!("is a text {problem}"));
        let document: Document = json::read(text.as_bytes()).map_err(invalid)?;
        let impersonation = |document: &Document| {
            let url = document.service_account_impersonation_url.clone()?;
            let options = document.service_account_impersonation.as_ref();
            Some(Impersonation {
                url,
                delegates: document.delegates.clone(),
                lifetime_seconds: options.and_then(|options| options.token_lifetime_seconds),
            })
        };
        let missing =
            |field: &str| CredentialError::configuration(place, format!("has no `{field}`"));
        let needed =
            |value: &Option<String>, field: &str| value.clone().ok_or_else(|| missing(field));
        let secret =
            |value: &Option<String>, field: &str| needed(value, field).map(Secret::literal);
        let token_uri = || {
            document
                .token_uri
                .clone()
                .unwrap_or_else(|| TOKEN_URI.to_owned())
        };
        let (kind, impersonation) = match document.kind.as_str() {
            "service_account" => {
                let account = ServiceAccount {
                    email: needed(&document.client_email, "client_email")?,
                    key_id: document.private_key_id.clone(),
                    key: secret(&document.private_key, "private_key")?,
                    token_uri: token_uri(),
                };
                (Kind::Service(account), None)
            }
            "authorized_user" => {
                let user = AuthorizedUser {
                    client_id: needed(&document.client_id, "client_id")?,
                    client_secret: secret(&document.client_secret, "client_secret")?,
                    refresh_token: secret(&document.refresh_token, "refresh_token")?,
                    token_uri: token_uri(),
                };
                (Kind::User(user), None)
            }
            "external_account" => {
                let account = ExternalAccount::read(place, text)?;
                (Kind::External(Box::new(account)), impersonation(&document))
            }
            "impersonated_service_account" => {
                let source = document.source_credentials.as_ref();
                let source = source.ok_or_else(|| missing("source_credentials"))?;
                // Of one level only: no tool writes a second, and nesting has to end.
                if source["type"] == "impersonated_service_account" {
                    return Err(CredentialError::configuration(
                        place,
                        "has `source_credentials` that are impersonated themselves",
                    ));
                }
                let inner = Self::read(place, &source.to_string())?;
                let target = impersonation(&document)
                    .ok_or_else(|| missing("service_account_impersonation_url"))?;
                (inner.kind, Some(target))
            }
            other => {
                let shown: String = other.chars().take(60).collect();
                return Err(CredentialError::Unsupported {
                    source_kind: format!("the type `{shown}` of {place}"),
                    instead: "use a service account, an external account with a file or URL, or the metadata server",
                });
            }
        };
        Ok(Self {
            kind,
            impersonation,
            quota_project: document.quota_project_id,
        })
    }
}

const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be_used() {
        for (document, expected) in [
            (
                "nonsense",
                "the place is a text that is not JSON (line 1, column 2)",
            ),
            ("{}", "with missing or mistyped fields"),
            (
                r#"{"type":"service_account","client_email":"e"}"#,
                "the place has no `private_key`",
            ),
            (
                r#"{"type":"authorized_user","client_id":"e"}"#,
                "the place has no `client_secret`",
            ),
            (
                r#"{"type":"gdch_service_account"}"#,
                "the type `gdch_service_account` of the place is not supported",
            ),
            (
                r#"{"type":"external_account_authorized_user"}"#,
                "the type `external_account_authorized_user`",
            ),
            (
                r#"{"type":"impersonated_service_account","source_credentials":{"type":"impersonated_service_account"}}"#,
                "impersonated themselves",
            ),
        ] {
            let error = Account::read("the place", document)
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn an_error_does_not_quote_the_document() {
        let document = r#"{"type":"service_account","private_key":["SECRET"]}"#;
        let error = Account::read("the place", document).unwrap_err();
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }
}
