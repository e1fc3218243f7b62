//! Identities of other places, exchanged for tokens of Google.
//!
//! Source: <https://google.aip.dev/auth/4117>.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_types::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cache::Expiring;
use crate::encode::percent;
use crate::error::CredentialError;
use crate::google::grant::{Asking, ROLE};
use crate::token_call::TokenCall;
use crate::{file, json as documents, oauth};

/// An identity of another place.
#[derive(Debug, Deserialize)]
pub(super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Source,
    workforce_pool_user_project: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Hidden>,
}

/// Where the token of the other place is. Of all the kinds, those that are used; the others only by name.
#[derive(Debug, Deserialize)]
struct Source {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
    executable: Option<Value>,
    environment_id: Option<String>,
    certificate: Option<Value>,
}

/// In which form.
#[derive(Debug, Default, Deserialize)]
struct Format {
    #[serde(rename = "type", default)]
    kind: String,
    subject_token_field_name: Option<String>,
}

/// A secret as it stands in a document.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Hidden(Secret);

impl From<String> for Hidden {
    fn from(value: String) -> Self {
        Self(Secret::literal(value))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ExternalAccount {
    /// Reads the document that was found at `place`.
    pub(super) fn read(place: &str, text: &str) -> Result<Self, CredentialError> {
        let account: Self = documents::read(text.as_bytes()).map_err(|problem| {
            CredentialError::configuration(place, format!("is a text {problem}"))
        })?;
        let source = &account.credential_source;
        let unused = [
            ("executable", source.executable.is_some()),
            ("environment_id", source.environment_id.is_some()),
            ("certificate", source.certificate.is_some()),
        ];
        if let Some((name, _)) = unused.iter().find(|(_, there)| *there) {
            return Err(CredentialError::Unsupported {
                source_kind: format!("`credential_source.{name}` of {place}"),
                instead: "use a `file` or a `url` as the source of the token",
            });
        }
        if source.file.is_some() == source.url.is_some() {
            return Err(CredentialError::configuration(
                place,
                "needs either `file` or `url` in its `credential_source`",
            ));
        }
        if source.format.kind == "json" && source.format.subject_token_field_name.is_none() {
            return Err(CredentialError::configuration(
                place,
                "has a `format` without `subject_token_field_name`",
            ));
        }
        Ok(account)
    }

    /// Exchanges the token of the other place. RFC 8693.
    pub(super) async fn token(
        &self,
        asking: &Asking<'_>,
    ) -> Result<Expiring<Secret>, CredentialError> {
        asking.trust.check("token_url", &self.token_url)?;
        let subject = self.subject_token(asking).await?;
        let mut fields = vec![
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("audience", self.audience.as_str()),
            ("scope", asking.scopes),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token_type", self.subject_token_type.as_str()),
        ];
        let options = self.workforce_pool_user_project.as_ref().map(|project| {
            percent(json!({"userProject": project}).to_string().as_bytes()).to_string()
        });
        if let Some(options) = &options {
            fields.push(("options", options));
        }
        let secrets = [("subject_token", &subject)];
        let mut call = TokenCall::form(ROLE, &self.token_url, &fields, &secrets)?;
        if let (Some(id), Some(Hidden(secret))) = (&self.client_id, &self.client_secret) {
            let pair = Secret::literal(STANDARD.encode(format!("{id}:{}", secret.expose())));
            call = call
                .secret_header("authorization", "Basic ", &pair)?
                .hiding(secret);
        }
        oauth::read(&call.send(asking.client).await?, asking.environment.now())
    }

    async fn subject_token(&self, asking: &Asking<'_>) -> Result<Secret, CredentialError> {
        let source = &self.credential_source;
        let (place, text) = if let Some(path) = &source.file {
            let path = asking.environment.path(path);
            let text = file::read(&path).await?;
            (format!("the token file `{}`", path.display()), text)
        } else {
            let url = source.url.as_deref().unwrap_or_default();
            let mut call = TokenCall::get("the source of the external account", url)?;
            for (name, value) in &source.headers {
                call = call.header(name, value)?;
            }
            let answer = call.send(asking.client).await?;
            let text = answer.text()?.to_owned();
            (answer.server, text)
        };
        let unusable = |problem: String| CredentialError::configuration(place.as_str(), problem);
        let token = if source.format.kind == "json" {
            let field = source
                .format
                .subject_token_field_name
                .as_deref()
                .unwrap_or_default();
            let document: Value = documents::read(text.as_bytes())
                .map_err(|problem| unusable(format!("has a text {problem}")))?;
            document[field].as_str().unwrap_or_default().to_owned()
        } else {
            text.trim().to_owned()
        };
        if token.is_empty() {
            return Err(unusable(
                "has no token where `credential_source` says".to_owned(),
            ));
        }
        Ok(Secret::literal(token))
    }
}
