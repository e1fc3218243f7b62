//! Policies as the admin API and the state store write them: the names of the configuration.

use ferrogate_policy::{Effect, Pattern, Rule};
use ferrogate_storage::Document;
use ferrogate_types::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::holder::{label, networks, texts};
use crate::limits::{SettingsError, wrong};

/// A rule on who may call what. It speaks of calls that fit every list that is not empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyForm {
    /// Its name, which is its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    pub(crate) name: Option<String>,
    /// What it says.
    pub(crate) effect: EffectForm,
    /// Of whom, with all below them; `*` stands for anything, here and in the next lists.
    #[serde(default)]
    pub(crate) tenants: Vec<String>,
    /// Of whose key.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
    /// Of what model.
    #[serde(default)]
    pub(crate) models: Vec<String>,
    /// At what provider.
    #[serde(default)]
    pub(crate) providers: Vec<String>,
    /// Over what surface.
    #[serde(default)]
    pub(crate) surfaces: Vec<String>,
    /// By what permission.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// From where, as CIDR.
    #[serde(default)]
    pub(crate) ips: Vec<String>,
    /// When: `mon-fri 09:00-17:00 Europe/Berlin`.
    #[serde(default)]
    pub(crate) hours: Vec<String>,
    /// What the refusal is called instead of `policy_denied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// What the refusal says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// It decides nothing, and is reported where it would have.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// What is said of a policy, as it is shown: beside members that no request has.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicySaid {
    /// Its name, which is its id.
    name: Option<String>,
    /// What it says.
    effect: EffectForm,
    /// Of whom, with all below them.
    tenants: Vec<String>,
    /// Of whose key.
    keys: Vec<String>,
    /// Of what model.
    models: Vec<String>,
    /// At what provider.
    providers: Vec<String>,
    /// Over what surface.
    surfaces: Vec<String>,
    /// By what permission.
    scopes: Vec<String>,
    /// From where.
    ips: Vec<String>,
    /// When.
    hours: Vec<String>,
    /// What the refusal is called.
    code: Option<String>,
    /// What the refusal says.
    message: Option<String>,
    /// It decides nothing, and is reported where it would have.
    dry_run: bool,
}

impl From<PolicyForm> for PolicySaid {
    fn from(form: PolicyForm) -> Self {
        Self {
            name: form.name,
            effect: form.effect,
            tenants: form.tenants,
            keys: form.keys,
            models: form.models,
            providers: form.providers,
            surfaces: form.surfaces,
            scopes: form.scopes,
            ips: form.ips,
            hours: form.hours,
            code: form.code,
            message: form.message,
            dry_run: form.dry_run,
        }
    }
}

/// What a policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EffectForm {
    /// What fits may happen.
    Allow,
    /// It may not; stronger at equal rank.
    Deny,
}

/// The rule of a policy of the state store.
///
/// # Errors
///
/// A document that nobody here wrote.
pub fn policy_rule(document: &Document) -> Result<Rule, SettingsError> {
    PolicyForm::parse(&document.body)?.rule(&document.id)
}

/// Entries of one list.
const MOST_ENTRIES: usize = 1_000;
/// Bytes of a pattern.
const LONGEST: usize = 256;

impl PolicyForm {
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        serde_json::from_str(text).map_err(|error| wrong("policy", error))
    }

    pub(crate) fn text(&self) -> String {
        // Members of fixed names, with numbers and texts: writing them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn of(rule: &Rule) -> Self {
        Self {
            name: Some(rule.name.clone()),
            effect: match rule.effect {
                Effect::Allow => EffectForm::Allow,
                Effect::Deny => EffectForm::Deny,
            },
            tenants: texts(&rule.tenants),
            keys: texts(&rule.keys),
            models: texts(&rule.models),
            providers: texts(&rule.providers),
            surfaces: texts(&rule.surfaces),
            scopes: texts(&rule.scopes),
            ips: texts(&rule.addresses),
            hours: texts(&rule.hours),
            code: rule.code.clone(),
            message: rule.message.clone(),
            dry_run: rule.dry_run,
        }
    }

    /// What it means.
    pub(crate) fn rule(&self, name: &str) -> Result<Rule, SettingsError> {
        let hours = self.hours.iter().map(|text| text.parse());
        let hours: Result<_, ferrogate_policy::HoursError> = hours.collect();
        let scopes = self.scopes.iter().map(|word| word.parse());
        let scopes: Result<Vec<Scope>, ferrogate_types::UnknownScope> = scopes.collect();
        let effect = match self.effect {
            EffectForm::Allow => Effect::Allow,
            EffectForm::Deny => Effect::Deny,
        };
        Ok(Rule {
            tenants: patterns("tenants", &self.tenants)?,
            keys: patterns("keys", &self.keys)?,
            models: patterns("models", &self.models)?,
            providers: patterns("providers", &self.providers)?,
            surfaces: patterns("surfaces", &self.surfaces)?,
            scopes: scopes.map_err(|error| wrong("scopes", format!("has an {error}")))?,
            addresses: networks("ips", &self.ips)?,
            hours: hours.map_err(|error| wrong("hours", error))?,
            code: code(self.code.as_ref())?,
            message: label("message", self.message.as_ref())?,
            dry_run: self.dry_run,
            ..Rule::new(name, effect)
        })
    }
}

fn patterns(member: &str, entries: &[String]) -> Result<Vec<Pattern>, SettingsError> {
    let good = |entry: &String| {
        !entry.is_empty() && entry.len() <= LONGEST && !entry.chars().any(char::is_control)
    };
    if entries.len() > MOST_ENTRIES || !entries.iter().all(good) {
        return Err(wrong(
            member,
            format!(
                "has more than {MOST_ENTRIES} entries, an empty one, or one longer than {LONGEST} bytes"
            ),
        ));
    }
    Ok(entries.iter().map(Pattern::new).collect())
}

fn code(text: Option<&String>) -> Result<Option<String>, SettingsError> {
    let good = |text: &&String| {
        text.len() <= 64
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) if good(&text) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(
            "code",
            "is made of up to 64 letters, digits and underscores",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_its_rule() {
        let text = r#"{"effect":"deny","tenants":["acme"],"keys":[],"models":["gpt-*"],"providers":[],"surfaces":[],"scopes":["chat.completions"],"ips":["10.0.0.0/8"],"hours":["mon-fri 09:00-17:00 Europe/Berlin"],"code":"office_hours","message":"come back tomorrow","dry_run":true}"#;
        let form = PolicyForm::parse(text).unwrap();
        assert_eq!(form.text(), text);
        let rule = form.rule("p").unwrap();
        let again = PolicyForm {
            name: None,
            ..PolicyForm::of(&rule)
        };
        assert_eq!(again, form);
    }

    #[test]
    fn refuses_what_is_no_rule() {
        for (text, member) in [
            (r#"{"effect":"deny","hours":["never"]}"#, "hours"),
            (r#"{"effect":"deny","ips":["x"]}"#, "ips"),
            (r#"{"effect":"deny","scopes":["x"]}"#, "scopes"),
            (r#"{"effect":"deny","models":[""]}"#, "models"),
            (r#"{"effect":"deny","code":"a b"}"#, "code"),
        ] {
            let error = PolicyForm::parse(text).unwrap().rule("p").unwrap_err();
            assert_eq!(error.member, member);
        }
    }
}
