//! Who asks, and how far they reach.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use ferrogate_auth::{
    CredentialId, KeyDirectory, MasterKey, Principal, Session, Sessions, TenantTree, csrf_fits,
};
use ferrogate_types::{KeyId, Scope, ScopeSet, Secret, Subject, TenantId};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use crate::path::PREFIX;
use crate::refusal::Refusal;

/// Who asks.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Who showed a credential; nobody, and it is left to a session's cookie.
    pub principal: Option<Principal>,
    /// Where the caller is.
    pub address: Option<IpAddr>,
    /// Whether the request came over TLS, so that cookies may be marked `Secure`.
    pub secure: bool,
}

/// Who asks, as far as that was found out.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    /// The session and its cookie, where that is what was shown.
    pub(crate) session: Option<(Arc<Session>, Secret)>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) secure: bool,
    tenants: Arc<TenantTree>,
}

/// The cookie of a session.
pub(crate) const COOKIE: &str = "ferrogate_session";
/// What a request that changes something shows beside the cookie.
const CSRF: &str = "x-csrf-token";

/// What a tenant's principal may read and change; the rest belongs to the gateway as a whole.
const OF_TENANTS: &[&str] = &[
    "api-keys",
    "billing-events",
    "budgets",
    "catalog",
    "guardrails/catalog",
    "openapi.json",
    "providers/catalog",
    "request-logs",
    "session",
    "tenants",
    "usage-aggregates",
    "version",
];

impl Identity {
    /// Finds out who asks. `now` is in seconds since 1970.
    pub(crate) fn of(
        caller: &Caller,
        headers: &HeaderMap,
        keys: &KeyDirectory,
        tenants: &Arc<TenantTree>,
        sessions: &Sessions,
        now: u64,
    ) -> Result<Self, Refusal> {
        let known = |principal| Self {
            principal,
            session: None,
            address: caller.address,
            secure: caller.secure,
            tenants: Arc::clone(tenants),
        };
        let shown = caller.principal.clone();
        let shown = shown.filter(|shown| !matches!(shown, Principal::Anonymous));
        if let Some(principal) = shown {
            return Ok(known(principal));
        }
        let Some(cookie) = cookie(headers) else {
            return Err(unauthenticated(
                "missing_api_key",
                "show a key with `admin.read` as `Authorization: Bearer`, or sign in",
            ));
        };
        let ended = || unauthenticated("invalid_session", "the session has ended; sign in again");
        let session = sessions.check(cookie, now).ok_or_else(ended)?;
        let principal = keys.resolve(session.credential(), now);
        let principal = principal.map_err(|_| ended())?;
        Ok(Self {
            session: Some((session, Secret::literal(cookie))),
            ..known(principal)
        })
    }

    /// Whether the request may be made at all: its scope, its tenant, its address, and for cookies that it was meant.
    pub(crate) fn permit(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        now: u64,
    ) -> Result<(), Refusal> {
        let resource = path.strip_prefix(PREFIX).unwrap_or_default();
        if let Some((_, cookie)) = &self.session
            && !method.is_safe()
        {
            let shown = headers.get(CSRF).and_then(|value| value.to_str().ok());
            if !shown.is_some_and(|shown| csrf_fits(cookie.expose(), shown)) {
                return Err(Refusal::forbidden(
                    "csrf_failed",
                    "a change with a session's cookie needs the header `x-csrf-token` with what the sign-in answered as `csrf`",
                ));
            }
        }
        // Whoever has a session may look at it and end it, whatever became of their scopes.
        if resource == "session" && *method != Method::POST {
            return Ok(());
        }
        if let Err(error) = self.principal.require_tenant(&self.tenants, now) {
            return Err(Refusal::forbidden("tenant_disabled", error.to_string()));
        }
        if let Err(error) = self.principal.require_address(self.address, &self.tenants) {
            return Err(Refusal::forbidden("ip_not_allowed", error.to_string()));
        }
        let reads = method.is_safe() || matches!(resource, "session" | "config/explain");
        let scope = if reads {
            Scope::AdminRead
        } else {
            Scope::AdminWrite
        };
        self.principal.require(scope, &self.tenants)?;
        let of_tenants = |name: &&str| {
            resource
                .strip_prefix(*name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.tenant().is_some() && !OF_TENANTS.iter().any(of_tenants) {
            return Err(self.is_not_an_operator());
        }
        Ok(())
    }

    /// The tenant beyond which the caller sees nothing.
    pub(crate) fn tenant(&self) -> Option<&TenantId> {
        self.principal.tenant()
    }

    /// Whether something of a tenant, or of none, is within reach.
    pub(crate) fn reaches(&self, tenant: Option<&TenantId>) -> bool {
        let Some(own) = self.tenant() else {
            return true;
        };
        tenant.is_some_and(|tenant| {
            tenant == own || self.tenants.chain(tenant).any(|above| above.id == *own)
        })
    }

    /// Whether something of a tenant may be set by the caller: a tenant's own limits are set from above it.
    pub(crate) fn reaches_below(&self, tenant: &TenantId) -> bool {
        self.reaches(Some(tenant)) && self.tenant() != Some(tenant)
    }

    /// Whether what is about a subject is within reach.
    pub(crate) fn reaches_subject(&self, subject: &Subject, keys: &KeyDirectory) -> bool {
        match subject {
            Subject::Tenant(tenant) => self.reaches(Some(tenant)),
            Subject::Key(id) => self.reaches_key(id, keys),
            _ => self.tenant().is_none(),
        }
    }

    /// Whether a key is within reach; one that is gone belongs to nobody.
    pub(crate) fn reaches_key(&self, id: &KeyId, keys: &KeyDirectory) -> bool {
        let key = keys.get(id.as_str());
        let tenant = key.as_ref().and_then(|key| key.spec().tenant.as_ref());
        self.reaches(tenant)
    }

    /// Refuses what belongs to the gateway as a whole to the principals of tenants.
    pub(crate) fn require_operator(&self) -> Result<(), Refusal> {
        match self.tenant() {
            None => Ok(()),
            Some(_) => Err(self.is_not_an_operator()),
        }
    }

    fn is_not_an_operator(&self) -> Refusal {
        let tenant = self.tenant().map(ToString::to_string).unwrap_or_default();
        Refusal::forbidden(
            "tenant_denied",
            format!(
                "this belongs to the gateway as a whole, and your credential to the tenant `{tenant}`; \
                 ask with one that belongs to no tenant"
            ),
        )
    }

    /// Refuses to hand on scopes of the admin API that the caller does not hold.
    pub(crate) fn require_to_hold(&self, given: ScopeSet) -> Result<(), Refusal> {
        let own = self.principal.scopes(&self.tenants);
        for scope in [Scope::AdminRead, Scope::AdminWrite] {
            if given.contains(scope) && !own.contains(scope) {
                return Err(Refusal::forbidden(
                    "scope_denied",
                    format!("you cannot give or use the scope `{scope}`, which you do not hold"),
                )
                .about("scopes"));
            }
        }
        Ok(())
    }

    /// What may be done with it.
    pub(crate) fn scopes(&self) -> ScopeSet {
        self.principal.scopes(&self.tenants)
    }

    /// The name it goes by in the audit trail.
    pub(crate) fn actor(&self) -> String {
        match &self.principal {
            Principal::Key(key) => CredentialId::Key(key.id().clone()).to_string(),
            Principal::Token(token) => format!("token:{}", token.subject),
            Principal::Master => MasterKey::ID.to_owned(),
            Principal::Anonymous => "anonymous".to_owned(),
        }
    }
}

fn unauthenticated(code: &'static str, message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, code, message)
        .with_header(header::WWW_AUTHENTICATE, "Bearer")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| unauthenticated("missing_api_key", "show a key"))
    }
}
