//! Tokens for the documents of Google.

use ferrogate_types::Secret;
use ferrogate_upstream::Client;

use crate::cache::Expiring;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::google::account::{Account, AuthorizedUser, Kind, ServiceAccount};
use crate::google::trust::Trust;
use crate::google::{CLOUD_PLATFORM, impersonation, jwt};
use crate::oauth;
use crate::token_call::TokenCall;

/// What asking for a token takes.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) environment: &'a Environment,
    pub(super) client: &'a Client,
    pub(super) trust: Trust<'a>,
    /// Separated by spaces.
    pub(super) scopes: &'a str,
}

impl Asking<'_> {
    /// Asks for a token for `account`.
    pub(super) async fn token(
        &self,
        account: &Account,
    ) -> Result<Expiring<Secret>, CredentialError> {
        // A token that is exchanged needs the right to be exchanged, not that of the models.
        let own = Self {
            scopes: account
                .impersonation
                .as_ref()
                .map_or(self.scopes, |_| CLOUD_PLATFORM),
            ..*self
        };
        let token = match &account.kind {
            Kind::Service(service) => own.service(service).await?,
            Kind::User(user) => own.user(user).await?,
            Kind::External(external) => external.token(&own).await?,
        };
        match &account.impersonation {
            Some(target) => impersonation::exchange(self, target, &token.value).await,
            None => Ok(token),
        }
    }

    async fn service(&self, account: &ServiceAccount) -> Result<Expiring<Secret>, CredentialError> {
        self.trust.check("token_uri", &account.token_uri)?;
        let assertion = jwt::assertion(account, self.scopes, self.environment.now())?;
        let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")];
        let secrets = [("assertion", &assertion)];
        self.form(&account.token_uri, &fields, &secrets).await
    }

    async fn user(&self, user: &AuthorizedUser) -> Result<Expiring<Secret>, CredentialError> {
        self.trust.check("token_uri", &user.token_uri)?;
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &user.client_id),
        ];
        let secrets = [
            ("client_secret", &user.client_secret),
            ("refresh_token", &user.refresh_token),
        ];
        self.form(&user.token_uri, &fields, &secrets).await
    }

    async fn form(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        secrets: &[(&str, &Secret)],
    ) -> Result<Expiring<Secret>, CredentialError> {
        let call = TokenCall::form(ROLE, url, fields, secrets)?;
        oauth::read(&call.send(self.client).await?, self.environment.now())
    }
}

pub(super) const ROLE: &str = "the token server of Google";
