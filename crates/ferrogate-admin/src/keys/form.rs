//! What a request says of a key.

use std::sync::Arc;

use ferrogate_auth::{KeyCredential, KeySpec};
use ferrogate_types::{KeyId, TenantId};

use crate::admin::App;
use crate::holder::{holder_form, label, metadata, scopes};
use crate::identity::Identity;
use crate::records::expiry;
use crate::refusal::Refusal;

holder_form! {
    /// A key.
    KeyForm {
        /// Its id; made up when it is left out, and never changed.
        #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
        id: Option<String>,
        /// What people call it.
        name: Option<String>,
        /// What it may do; `*` is everything, and none is nothing.
        scopes: Vec<String>,
        /// Switched off.
        disabled: bool,
        /// When it stops being valid.
        #[schema(format = DateTime)]
        expires: Option<String>,
        /// Whom it belongs to. A tenant's principal makes keys of its own tenant.
        tenant: Option<String>,
        /// Who uses it.
        user: Option<String>,
    }
}

impl KeyForm {
    /// What it means, with the limits as they are kept.
    pub(super) fn spec(
        &self,
        app: &App,
        identity: &Identity,
        id: KeyId,
        credential: KeyCredential,
    ) -> Result<(Arc<KeySpec>, String), Refusal> {
        let limits = self.limits_form();
        limits.limits()?;
        let spec = KeySpec {
            name: label("name", self.name.as_ref())?,
            scopes: scopes(&self.scopes)?,
            lists: self.lists_form().lists()?,
            disabled: self.disabled,
            expires: expiry("expires", self.expires.as_ref())?,
            tenant: self.tenant(app, identity)?,
            user: self
                .user
                .as_deref()
                .filter(|user| !user.is_empty())
                .map(|user| {
                    user.parse()
                        .map_err(|error| Refusal::invalid("user", format!("`user` {error}")))
                })
                .transpose()?,
            metadata: metadata(&self.metadata)?,
            ..KeySpec::new(id, credential)
        };
        Ok((Arc::new(spec), limits.text()))
    }

    fn tenant(&self, app: &App, identity: &Identity) -> Result<Option<TenantId>, Refusal> {
        let Some(text) = self.tenant.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(identity.tenant().cloned());
        };
        let unknown = || Refusal::unknown("tenant", "tenant", text);
        let tenant: TenantId = text.parse().map_err(|_| unknown())?;
        let known = app.node.tenants().get(&tenant).is_some();
        if known && identity.reaches(Some(&tenant)) {
            Ok(Some(tenant))
        } else {
            Err(unknown())
        }
    }
}
