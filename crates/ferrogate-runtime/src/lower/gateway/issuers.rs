//! Issuers of bearer tokens.

use ferrogate_auth::{Algorithm, ClaimMapping, IssuerSpec};
use ferrogate_config::model::{Config, JwtIssuer};
use ferrogate_upstream::Endpoint;

use crate::lower::{LowerError, chain};

/// The issuers of all gateways, each once. One that several gateways name is one issuer, of which all must say the same.
pub(crate) fn of(config: &Config, errors: &mut Vec<LowerError>) -> Vec<IssuerSpec> {
    let mut known: Vec<IssuerSpec> = Vec::new();
    for issuer in config.ai_gateways.iter().flat_map(|gateway| &gateway.jwt) {
        let mut complain =
            |message: String| errors.push(LowerError::new(&*issuer.origin.place, message));
        let spec = match spec(issuer) {
            Ok(spec) => spec,
            Err(problem) => {
                complain(problem);
                continue;
            }
        };
        match known.iter().find(|known| known.issuer == spec.issuer) {
            Some(known) if *known == spec => {}
            Some(_) => complain(format!(
                "issuer `{}` is described in another way by another gateway; what one process knows of it is the \
                 same everywhere",
                spec.issuer
            )),
            None => known.push(spec),
        }
    }
    known
}

fn spec(issuer: &JwtIssuer) -> Result<IssuerSpec, String> {
    jwks_endpoint(&issuer.jwks)?;
    let algorithms = issuer.algorithms.iter().map(|name| name.parse());
    let algorithms: Result<Vec<Algorithm>, _> = algorithms.collect();
    Ok(IssuerSpec {
        algorithms: algorithms.map_err(|error| chain(&error))?,
        skew: issuer.clock_skew,
        refresh: issuer.refresh,
        mapping: ClaimMapping {
            tenant: issuer.tenant_claim.clone(),
            default_tenant: issuer.tenant.clone(),
            user: issuer.user_claim.clone(),
            scopes: issuer.scope_claim.clone(),
            scope_words: issuer.scope.clone().into_iter().collect(),
            default_scopes: issuer.scopes,
        },
        ..IssuerSpec::new(
            issuer.issuer.clone(),
            issuer.audience.clone(),
            issuer.jwks.clone(),
        )
    })
}

/// The server of a URL, and what it is asked for.
pub(crate) fn jwks_endpoint(url: &str) -> Result<(Endpoint, String), String> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| format!("`{url}` is not a URL"))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let endpoint = Endpoint::parse(&format!("{scheme}://{authority}"))
        .map_err(|error| format!("the keys cannot be at `{url}`: {}", chain(&error)))?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((endpoint, format!("{slash}{path}")))
}

#[cfg(test)]
mod tests {
    use ferrogate_config::model::{JWT_ALGORITHMS, JWT_ALGORITHMS_BY_DEFAULT};
    use ferrogate_config::{LoadOptions, load_str};

    use super::*;

    #[test]
    fn every_algorithm_that_can_be_written_is_known() {
        for name in JWT_ALGORITHMS {
            let algorithm: Algorithm = name.parse().unwrap();
            assert_eq!(algorithm.as_str(), name);
        }
        let default = Algorithm::DEFAULT.map(Algorithm::as_str);
        assert_eq!(default, JWT_ALGORITHMS_BY_DEFAULT);
    }

    #[test]
    fn a_url_is_a_server_and_a_path() {
        for (url, origin, path) in [
            ("https://id.example.com", "https://id.example.com", "/"),
            ("https://id.example.com/", "https://id.example.com", "/"),
            (
                "https://id.example.com:8443/a/jwks?b=c",
                "https://id.example.com:8443",
                "/a/jwks?b=c",
            ),
            ("http://[::1]:80?x", "http://[::1]", "/?x"),
        ] {
            let (endpoint, found) = jwks_endpoint(url).unwrap();
            assert_eq!((endpoint.origin(), found.as_str()), (origin, path), "{url}");
        }
        assert!(jwks_endpoint("https://id.example.com:port/").is_err());
    }

    #[test]
    fn an_issuer_is_the_same_everywhere() {
        let gateway = |port: u16, audience: &str| {
            format!(
                "http://:{port} {{\nai_gateway {{\nprovider echo\njwt https://id {{\njwks https://id/jwks\naudience \
                 {audience}\nscopes *\n}}\n}}\n}}\n"
            )
        };
        let check = |text: &str| {
            let options = LoadOptions {
                env: &|_| None,
                format: None,
            };
            let loaded = load_str("Caddyfile", text, std::path::Path::new("."), &options);
            let mut errors = Vec::new();
            let count = of(&loaded.config.unwrap(), &mut errors).len();
            (count, errors.len())
        };
        assert_eq!(check(&(gateway(1, "a") + &gateway(2, "a"))), (1, 0));
        assert_eq!(check(&(gateway(1, "a") + &gateway(2, "b"))), (1, 1));
    }
}
