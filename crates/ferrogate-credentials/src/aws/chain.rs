//! The credential chain of AWS: the first source that has anything decides.

use std::sync::Arc;

use ferrogate_upstream::Client;

use crate::aws::plan::{Base, Plan, Role, follow};
use crate::aws::profile::{Profiles, chosen};
use crate::aws::sts::Sts;
use crate::aws::{Settings, container, instance};
use crate::cache::Expiring;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::file;
use crate::sigv4::AwsKeys;

/// Looks for keys: configuration, environment, web identity, shared files, container, instance.
///
/// A source that is configured and fails ends the search, as in the SDKs of AWS: what comes after it would be
/// somebody else's identity.
pub(super) async fn resolve(
    settings: Arc<Settings>,
    client: Client,
) -> Result<Expiring<AwsKeys>, CredentialError> {
    let Settings {
        config,
        region,
        environment,
    } = &*settings;
    if let Some(keys) = &config.keys {
        return Ok(Expiring::never(keys.clone()));
    }
    let sources = Sources {
        environment,
        sts: Sts {
            environment,
            client: &client,
            region,
        },
    };
    if config.profile.is_none() {
        if let Some(keys) = of_environment(environment)? {
            return Ok(Expiring::never(keys));
        }
        if let Some((token_file, role)) = web_identity(environment)? {
            return sources.web_identity(&token_file, &role).await;
        }
    }

    let owned = Arc::clone(&settings);
    let (name, plan) = tokio::task::spawn_blocking(move || {
        let profiles = Profiles::load(&owned.environment)?;
        let name = chosen(&owned.config, &owned.environment);
        let plan = follow(&profiles, &name)?;
        Ok((name, plan))
    })
    .await
    .map_err(|_| CredentialError::Interrupted)??;
    if let Some(plan) = plan {
        return sources.carry_out(plan).await;
    }
    if config.profile.is_some() || environment.variable("AWS_PROFILE").is_some() {
        return Err(CredentialError::configuration(
            format!("the AWS profile `{name}`"),
            "does not exist in the shared files, or has no keys and no role",
        ));
    }

    if let Some(keys) = container::fetch(environment, &client).await? {
        return Ok(keys);
    }
    let absent = match instance::fetch(environment, &client).await? {
        Ok(keys) => return Ok(keys),
        Err(absent) => absent,
    };
    Err(CredentialError::NotFound {
        cloud: "AWS",
        tried: format!(
            "the configuration, `AWS_ACCESS_KEY_ID`, `AWS_WEB_IDENTITY_TOKEN_FILE`, the profile `{name}` of the shared files, \
             `AWS_CONTAINER_CREDENTIALS_*`, the EC2 metadata service ({})",
            reason(&absent)
        ),
        remedy: "set `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY`, or give the machine a role",
    })
}

struct Sources<'a> {
    environment: &'a Environment,
    sts: Sts<'a>,
}

impl Sources<'_> {
    /// Does what a profile asks for.
    async fn carry_out(&self, plan: Plan) -> Result<Expiring<AwsKeys>, CredentialError> {
        let mut keys = match plan.base {
            Base::Keys(keys) => Expiring::never(keys),
            Base::WebIdentity { token_file, role } => {
                Box::pin(self.web_identity(&token_file, &role)).await?
            }
            Base::Environment => of_environment(self.environment)?
                .map(Expiring::never)
                .ok_or_else(|| {
                    let problem = "is `Environment`, and `AWS_ACCESS_KEY_ID` is not set";
                    CredentialError::configuration(CREDENTIAL_SOURCE, problem)
                })?,
            Base::Container => Box::pin(container::fetch(self.environment, self.sts.client))
                .await?
                .ok_or_else(|| {
                    let problem = "is `EcsContainer`, and no `AWS_CONTAINER_CREDENTIALS_*` is set";
                    CredentialError::configuration(CREDENTIAL_SOURCE, problem)
                })?,
            Base::Instance => Box::pin(instance::fetch(self.environment, self.sts.client))
                .await?
                .map_err(|absent| {
                    let problem = format!("is `Ec2InstanceMetadata`: {}", reason(&absent));
                    CredentialError::configuration(CREDENTIAL_SOURCE, problem)
                })?,
        };
        for role in &plan.roles {
            keys = Box::pin(self.sts.assume_role(role, &keys.value)).await?;
        }
        Ok(keys)
    }

    async fn web_identity(
        &self,
        token_file: &str,
        role: &Role,
    ) -> Result<Expiring<AwsKeys>, CredentialError> {
        let token = file::read_secret(&self.environment.path(token_file)).await?;
        self.sts.assume_role_with_web_identity(role, &token).await
    }
}

fn of_environment(environment: &Environment) -> Result<Option<AwsKeys>, CredentialError> {
    let id = environment.variable("AWS_ACCESS_KEY_ID");
    let secret = environment.secret("AWS_SECRET_ACCESS_KEY");
    match (id, secret) {
        (Some(access_key_id), Some(secret_access_key)) => Ok(Some(AwsKeys {
            access_key_id,
            secret_access_key,
            session_token: environment.secret("AWS_SESSION_TOKEN"),
        })),
        (None, None) => Ok(None),
        _ => Err(CredentialError::configuration(
            "the environment",
            "has one of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` without the other",
        )),
    }
}

fn web_identity(environment: &Environment) -> Result<Option<(String, Role)>, CredentialError> {
    let Some(token_file) = environment.variable("AWS_WEB_IDENTITY_TOKEN_FILE") else {
        return Ok(None);
    };
    let arn = environment.variable("AWS_ROLE_ARN").ok_or_else(|| {
        CredentialError::configuration(
            "`AWS_WEB_IDENTITY_TOKEN_FILE`",
            "is set, and `AWS_ROLE_ARN` is not",
        )
    })?;
    let role = Role {
        arn,
        session_name: environment.variable("AWS_ROLE_SESSION_NAME"),
        ..Role::default()
    };
    Ok(Some((token_file, role)))
}

fn reason(absent: &instance::Absent) -> &'static str {
    match absent {
        instance::Absent::Disabled => "`AWS_EC2_METADATA_DISABLED` is set",
        instance::Absent::Silent => "it does not answer",
        instance::Absent::NoRole => "the instance has no role",
    }
}

const CREDENTIAL_SOURCE: &str = "the `credential_source` of the AWS profile";
