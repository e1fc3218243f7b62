//! Listeners, as requests meet them.

use std::sync::Arc;

use ferrogate_config::model::{Config, Listener, ServerOptions, StrictSniHost};
use ferrogate_edge::{HostIndex, IpSet, TrustedProxies};
use ferrogate_proxy::{ExpectedFields, ListenerState};
use http::HeaderName;

/// The label of hosts that only a site of every host serves; Caddy's.
const OTHER_HOST: &str = "_other";

pub(super) fn state(config: &Config, listener: &Listener) -> ListenerState {
    let rules = listener
        .hosts
        .iter()
        .map(|rule| (rule.host.as_deref(), rule.site));
    let per_host = config
        .global
        .metrics
        .is_some_and(|metrics| metrics.per_host);
    let metric_hosts = listener.hosts.iter().filter(|_| per_host);
    ListenerState {
        hosts: HostIndex::new(rules),
        strict_sni_host: strict(config, listener),
        metric_hosts: metric_hosts
            .map(|rule| Arc::from(rule.host.as_deref().unwrap_or(OTHER_HOST)))
            .collect(),
        ..plain(&listener.options)
    }
}

/// The listener for the gateway's own paths.
pub(super) fn admin() -> ListenerState {
    ListenerState {
        admin: true,
        ..plain(&ServerOptions::default())
    }
}

fn plain(options: &ServerOptions) -> ListenerState {
    ListenerState {
        hosts: HostIndex::default(),
        trusted_proxies: TrustedProxies {
            ranges: IpSet::new(&options.trusted_proxies),
            unix: options.trusted_proxies_unix,
        },
        client_ip_headers: names(&options.client_ip_headers),
        read_timeout: options.read_body_timeout,
        write_timeout: options.write_timeout,
        strict_sni_host: false,
        expected_fields: ExpectedFields {
            underscore: names(&options.expected_underscore_headers),
            dot: names(&options.expected_dot_headers),
        },
        trace: options.trace,
        metric_hosts: Vec::new(),
        admin: false,
        log_credentials: options.log_credentials,
    }
}

/// Names of fields; what is none never arrives, and is left out.
fn names(names: &[String]) -> Vec<HeaderName> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Whether hosts are held against handshakes. A certificate of a client is checked for the name of the handshake: another
/// host on that connection would get past the check of its own site.
fn strict(config: &Config, listener: &Listener) -> bool {
    match listener.options.strict_sni_host {
        StrictSniHost::On => true,
        StrictSniHost::InsecureOff => false,
        StrictSniHost::Auto => listener.hosts.iter().any(|rule| {
            let site = config.sites.get(rule.site);
            site.and_then(|site| site.tls.as_ref())
                .is_some_and(|tls| tls.connection.client_auth.is_some())
        }),
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_config::{LoadOptions, load_str};

    use super::*;

    #[test]
    fn hosts_are_held_against_handshakes_where_clients_need_certificates() {
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(
            folder.path().join("key.pem"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        let files = format!("{0}/cert.pem {0}/key.pem", folder.path().display());
        for (option, client_auth, expected) in [
            ("trace", "", false),
            ("trace", "client_auth {\nmode require\n}", true),
            ("strict_sni_host on", "", true),
            (
                "strict_sni_host insecure_off",
                "client_auth {\nmode require\n}",
                false,
            ),
        ] {
            let text = format!(
                "{{\nservers {{\n{option}\n}}\n}}\n\
                 https://a.example:8443 {{\ntls {files} {{\nprotocols tls1.2\n{client_auth}\n}}\n}}\n\
                 https://b.example:8443 {{\ntls {files}\n}}\n"
            );
            let options = LoadOptions {
                env: &|_| None,
                format: None,
            };
            let loaded = load_str("Caddyfile", &text, folder.path(), &options);
            let report = loaded.report.render(false);
            let Some(config) = loaded.config else {
                panic!("{report}")
            };
            let listener = &config.listeners[0];
            assert_eq!(strict(&config, listener), expected, "{text}");
        }
    }
}
