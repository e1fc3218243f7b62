//! The settings of a key or a tenant: one JSON object under the configuration's names.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use ferrogate_auth::AccessLists;
use ferrogate_types::{Scope, ScopeSet};
use ipnet::IpNet;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::StoreError;

/// The members of an object, each as it is written.
///
/// What is empty has no member, and a member that is not there is empty.
#[derive(Debug, Default)]
pub(super) struct Settings(BTreeMap<String, Box<RawValue>>);

pub(super) const SCOPES: &str = "scopes";
pub(super) const KIND: &str = "kind";
pub(super) const DISABLED: &str = "disabled";
pub(super) const EXPIRES: &str = "expires";
pub(super) const METADATA: &str = "metadata";
pub(super) const LIMITS: &str = "limits";
const ALLOWED_MODELS: &str = "allowed_models";
const DENIED_MODELS: &str = "denied_models";
const ALLOWED_PROVIDERS: &str = "allowed_providers";
const DENIED_PROVIDERS: &str = "denied_providers";
const ALLOWED_IPS: &str = "allowed_ips";

/// All that this version knows: whatever else there is was written by a newer one.
const KNOWN: [&str; 11] = [
    SCOPES,
    KIND,
    DISABLED,
    EXPIRES,
    METADATA,
    LIMITS,
    ALLOWED_MODELS,
    DENIED_MODELS,
    ALLOWED_PROVIDERS,
    DENIED_PROVIDERS,
    ALLOWED_IPS,
];

impl Settings {
    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map(Self).map_err(|error| {
            StoreError::Damaged(format!("settings are not a JSON object: {error}"))
        })
    }

    /// Takes over what of other settings this version does not know.
    pub(super) fn keep_unknown_of(&mut self, before: Self) {
        let unknown = before
            .0
            .into_iter()
            .filter(|(name, _)| !KNOWN.contains(&name.as_str()));
        self.0.extend(unknown);
    }

    pub(super) fn value<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let value = self.0.get(name).filter(|value| value.get() != "null");
        value
            .map(|value| serde_json::from_str(value.get()))
            .transpose()
            .map_err(|error| StoreError::Damaged(format!("the setting `{name}`: {error}")))
    }

    /// Texts that each stand for something.
    fn list<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Vec<T>, StoreError> {
        let texts: Vec<String> = self.value(name)?.unwrap_or_default();
        let read = |text: String| {
            text.parse().map_err(|error| {
                StoreError::Damaged(format!("the setting `{name}` has `{text}`: {error}"))
            })
        };
        texts.into_iter().map(read).collect()
    }

    /// Scopes that this version does not know are left out: they permit nothing here.
    pub(super) fn scopes(&self) -> Result<Option<ScopeSet>, StoreError> {
        let names: Option<Vec<String>> = self.value(SCOPES)?;
        Ok(names.map(|names| {
            let scopes = names.iter().filter_map(|name| name.parse::<Scope>().ok());
            scopes.collect()
        }))
    }

    pub(super) fn lists(&self) -> Result<AccessLists, StoreError> {
        Ok(AccessLists {
            allowed_models: self.list(ALLOWED_MODELS)?,
            denied_models: self.list(DENIED_MODELS)?,
            allowed_providers: self.list(ALLOWED_PROVIDERS)?,
            denied_providers: self.list(DENIED_PROVIDERS)?,
            allowed_ips: self.list::<IpNet>(ALLOWED_IPS)?,
        })
    }

    /// The text of the limits; empty where there are none.
    pub(super) fn limits(&self) -> String {
        let limits = self.0.get(LIMITS);
        limits.map_or_else(String::new, |limits| limits.get().to_owned())
    }

    pub(super) fn put<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), StoreError> {
        let value = serde_json::value::to_raw_value(value)
            .map_err(|error| StoreError::Refused(format!("the setting `{name}`: {error}")))?;
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    fn put_list<T: Display>(&mut self, name: &str, list: &[T]) -> Result<(), StoreError> {
        if list.is_empty() {
            return Ok(());
        }
        let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        self.put(name, &texts)
    }

    pub(super) fn put_lists(&mut self, lists: &AccessLists) -> Result<(), StoreError> {
        self.put_list(ALLOWED_MODELS, &lists.allowed_models)?;
        self.put_list(DENIED_MODELS, &lists.denied_models)?;
        self.put_list(ALLOWED_PROVIDERS, &lists.allowed_providers)?;
        self.put_list(DENIED_PROVIDERS, &lists.denied_providers)?;
        self.put_list(ALLOWED_IPS, &lists.allowed_ips)
    }

    pub(super) fn put_metadata(
        &mut self,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        if metadata.is_empty() {
            return Ok(());
        }
        self.put(METADATA, metadata)
    }

    /// Keeps limits byte for byte.
    pub(super) fn put_limits(&mut self, limits: &str) -> Result<(), StoreError> {
        let limits = limits.trim();
        if limits.is_empty() {
            return Ok(());
        }
        let refused = |why| StoreError::Refused(format!("limits are not a JSON object: {why}"));
        let raw =
            RawValue::from_string(limits.to_owned()).map_err(|error| refused(error.to_string()))?;
        if !limits.starts_with('{') {
            return Err(refused("it is something else".to_owned()));
        }
        self.0.insert(LIMITS.to_owned(), raw);
        Ok(())
    }

    pub(super) fn write(&self) -> Result<String, StoreError> {
        serde_json::to_string(&self.0).map_err(|error| StoreError::Refused(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_says_nothing() {
        let settings = Settings::read("{}").unwrap();
        assert_eq!(settings.scopes(), Ok(None));
        assert_eq!(settings.lists(), Ok(AccessLists::default()));
        assert_eq!(settings.limits(), "");
        let mut written = Settings::default();
        written.put_lists(&AccessLists::default()).unwrap();
        written.put_metadata(&BTreeMap::new()).unwrap();
        written.put_limits(" ").unwrap();
        assert_eq!(written.write().unwrap(), "{}");
    }

    #[test]
    fn what_is_not_known_is_kept_and_permits_nothing() {
        let before = r#"{"scopes":["models.read","moons.visit"],"zone":{"a":1.10},"kind":"team"}"#;
        let before = Settings::read(before).unwrap();
        let scopes = before.scopes().unwrap().unwrap();
        assert!(scopes.iter().eq([Scope::ModelsRead]));
        let mut after = Settings::default();
        after.put(SCOPES, &scopes).unwrap();
        after.keep_unknown_of(before);
        assert_eq!(
            after.write().unwrap(),
            r#"{"scopes":["models.read"],"zone":{"a":1.10}}"#
        );
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, reason) in [
            ("", "are not a JSON object"),
            ("[]", "are not a JSON object"),
            (
                r#"{"allowed_ips":["10.0.0.0"]}"#,
                "`allowed_ips` has `10.0.0.0`",
            ),
            (r#"{"denied_models":["a b"]}"#, "`denied_models` has `a b`"),
            (r#"{"allowed_models":"a"}"#, "`allowed_models`"),
        ] {
            let error = Settings::read(text).and_then(|settings| settings.lists());
            let error = error.unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        for limits in ["{", "7", "{} {}"] {
            assert!(Settings::default().put_limits(limits).is_err(), "{limits}");
        }
    }
}
