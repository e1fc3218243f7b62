//! Profiles of the shared files of AWS.
//!
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.

use std::collections::HashMap;

use ferrogate_types::{Secret, SecretOrigin};

use crate::aws::AwsConfig;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::file;

/// The profiles of `~/.aws/config` and `~/.aws/credentials`; where both say something, the latter counts.
#[derive(Default)]
pub(super) struct Profiles {
    profiles: HashMap<String, Profile>,
}

/// One profile.
#[derive(Default)]
pub(super) struct Profile {
    values: HashMap<String, String>,
}

impl Profiles {
    /// Reads both files, where they are. Blocks.
    pub(super) fn load(environment: &Environment) -> Result<Self, CredentialError> {
        let mut profiles = Self::default();
        for (variable, place, sections) in [
            ("AWS_CONFIG_FILE", ".aws/config", Sections::Prefixed),
            (
                "AWS_SHARED_CREDENTIALS_FILE",
                ".aws/credentials",
                Sections::Bare,
            ),
        ] {
            let path = match environment.variable(variable) {
                Some(path) => Some(environment.path(&path)),
                None => environment.in_home(place),
            };
            if let Some(path) = path
                && let Some(text) = file::read_now_if_there(&path)?
            {
                profiles.read(&text, sections);
            }
        }
        Ok(profiles)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    fn read(&mut self, text: &str, sections: Sections) {
        let mut current = None;
        for line in text.lines() {
            // An indented line belongs to the value above it: settings of one service, none of ours.
            if line.starts_with([' ', '\t', '#', ';']) {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let (title, _) = rest.split_once(']').unwrap_or((rest, ""));
                current = sections.profile(title.trim());
            } else if let (Some(name), Some((key, value))) = (&current, line.split_once('=')) {
                let profile = self.profiles.entry(String::clone(name)).or_default();
                let key = key.trim().to_ascii_lowercase();
                profile.values.insert(key, uncommented(value).to_owned());
            }
        }
    }
}

impl Profile {
    /// A value; an empty one counts as unset.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        let value = self.values.get(key)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// A value that is a secret.
    pub(super) fn secret(&self, key: &str) -> Option<Secret> {
        let origin = SecretOrigin::File(format!("AWS profile, `{key}`"));
        Some(Secret::new(self.text(key)?, origin))
    }
}

/// The name of the profile to use.
pub(super) fn chosen(config: &AwsConfig, environment: &Environment) -> String {
    config
        .profile
        .clone()
        .or_else(|| environment.variable("AWS_PROFILE"))
        .unwrap_or_else(|| "default".to_owned())
}

/// How a file titles its profiles.
#[derive(Clone, Copy)]
enum Sections {
    /// `[profile name]`, and `[default]` without a prefix.
    Prefixed,
    /// `[name]`.
    Bare,
}

impl Sections {
    /// The name of the profile under a title; other sections, such as `sso-session`, have none.
    fn profile(self, title: &str) -> Option<String> {
        let name = match self {
            Self::Bare => title,
            Self::Prefixed if title == "default" => title,
            Self::Prefixed => title.strip_prefix("profile")?.strip_prefix([' ', '\t'])?,
        };
        Some(name.trim().trim_matches('"').to_owned())
    }
}

/// A value without the comment behind it, which begins with a space.
fn uncommented(value: &str) -> &str {
    let end = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min()
        .unwrap_or(value.len());
    value
        .split_at_checked(end)
        .map_or(value, |(value, _)| value)
        .trim()
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// The profiles of two texts, for the tests of the rooms around.
#[cfg(test)]
pub(super) fn from_texts(config: &str, credentials: &str) -> Profiles {
    let mut profiles = Profiles::default();
    profiles.read(config, Sections::Prefixed);
    profiles.read(credentials, Sections::Bare);
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_files() {
        let profiles = from_texts(
            "# comment\n[default]\nregion = eu-west-1 # near\nS3 =\n  max = 3\n; other\n\
             [profile  work]\nrole_arn=arn:a\naws_access_key_id = old\n[sso-session x]\nregion = no\n[work]\nregion = no\n",
            "[default]\naws_secret_access_key = a#b==\n[work]\naws_access_key_id = new\r\n[broken\nregion=z\nnonsense\n",
        );
        for (profile, key, expected) in [
            ("default", "region", Some("eu-west-1")),
            ("default", "aws_secret_access_key", Some("a#b==")),
            ("default", "s3", None),
            ("default", "max", None),
            ("work", "role_arn", Some("arn:a")),
            ("work", "aws_access_key_id", Some("new")),
            ("work", "region", None),
            ("broken", "region", Some("z")),
        ] {
            let found = profiles.get(profile).unwrap().text(key);
            assert_eq!(found, expected, "{profile}.{key}");
        }
        assert!(profiles.get("x").is_none());
        assert!(!format!("{:?}", profiles.get("default")).contains("a#b"));
    }
}
