//! The region of AWS.

use crate::aws::AwsConfig;
use crate::aws::profile::{Profiles, chosen};
use crate::environment::Environment;
use crate::error::CredentialError;

/// Finds the region: configuration, `AWS_REGION`, `AWS_DEFAULT_REGION`, profile.
pub(super) fn find(
    config: &AwsConfig,
    environment: &Environment,
) -> Result<String, CredentialError> {
    let (place, region) = if let Some(region) = &config.region {
        ("the configured AWS region", region.clone())
    } else if let Some(region) = environment.variable("AWS_REGION") {
        ("`AWS_REGION`", region)
    } else if let Some(region) = environment.variable("AWS_DEFAULT_REGION") {
        ("`AWS_DEFAULT_REGION`", region)
    } else {
        let profiles = Profiles::load(environment)?;
        let name = chosen(config, environment);
        let region = profiles
            .get(&name)
            .and_then(|profile| profile.text("region"));
        let region = region.ok_or_else(|| {
            CredentialError::configuration(
                "the AWS region",
                format!(
                    "is not known; set it in the configuration, in `AWS_REGION`, or in the profile `{name}`"
                ),
            )
        })?;
        ("the region of the AWS profile", region.to_owned())
    };
    if is_region(&region) {
        Ok(region)
    } else {
        Err(CredentialError::configuration(
            place,
            format!("is `{region}`, which is no region; one looks like `us-east-1`"),
        ))
    }
}

/// Whether a text is a region. It becomes part of a host name, so nothing else may pass: words of letters, two
/// or more, then a number. The first has four letters in `eusc-de-east-1`.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let Some((number, names)) = words.split_last() else {
        return false;
    };
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
    text.len() <= 32
        && names.len() >= 2
        && names.iter().all(is_name)
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_region() {
        for good in [
            "us-east-1",
            "us-gov-west-1",
            "ap-southeast-7",
            "eusc-de-east-1",
        ] {
            assert!(is_region(good), "{good}");
        }
        for bad in [
            "",
            "us",
            "us-1",
            "us-east",
            "us-east-1.evil.example",
            "US-EAST-1",
            "us--1",
            "us-east-1/",
            "us-east-123",
            "evil@us-east-1",
        ] {
            assert!(!is_region(bad), "{bad}");
        }
    }

    #[test]
    fn looks_in_order() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(
            home.path().join(".aws/config"),
            "[default]\nregion = eu-west-1\n[profile other]\nregion = eu-west-2\n",
        )
        .unwrap();
        let check = |configured: Option<&str>, variables: &'static [(&str, &str)]| {
            let find_variable = move |name: &str| {
                let found = variables.iter().find(|(key, _)| *key == name)?;
                Some(found.1.to_owned())
            };
            let environment = Environment::new(find_variable, Some(home.path().to_owned()));
            let config = AwsConfig {
                region: configured.map(str::to_owned),
                ..AwsConfig::default()
            };
            find(&config, &environment).map_err(|error| error.to_string())
        };
        let both = &[
            ("AWS_DEFAULT_REGION", "us-east-2"),
            ("AWS_REGION", "us-east-1"),
        ];
        assert_eq!(check(Some("sa-east-1"), both).unwrap(), "sa-east-1");
        assert_eq!(check(None, both).unwrap(), "us-east-1");
        assert_eq!(check(None, &both[..1]).unwrap(), "us-east-2");
        assert_eq!(check(None, &[]).unwrap(), "eu-west-1");
        assert_eq!(
            check(None, &[("AWS_PROFILE", "other")]).unwrap(),
            "eu-west-2"
        );
        let missing = check(None, &[("AWS_PROFILE", "third")]).unwrap_err();
        assert!(missing.contains("profile `third`"), "{missing}");
        let invalid = check(None, &[("AWS_REGION", "evil.example/")]).unwrap_err();
        assert!(invalid.starts_with("`AWS_REGION` is `evil"), "{invalid}");
    }
}
