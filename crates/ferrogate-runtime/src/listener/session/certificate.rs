//! A client's certificate, as placeholders show it.

use std::fmt::Write as _;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ferrogate_edge::ClientCertificate;
use sha2::{Digest as _, Sha256};
use x509_parser::der_parser::asn1_rs::ToDer as _;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

/// Reads a certificate from its DER form; nothing when it is none, which the handshake has ruled out.
pub(super) fn facts(der: &[u8]) -> Option<ClientCertificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let key = &certificate.public_key().subject_public_key.data;
    let base64 = BASE64.encode(der);
    let mut facts = ClientCertificate {
        fingerprint: hex(&Sha256::digest(der)),
        public_key: hex(key),
        public_key_sha256: hex(&Sha256::digest(key)),
        issuer: name(certificate.issuer()),
        serial: certificate.serial.to_string(),
        subject: name(certificate.subject()),
        pem: pem(&base64),
        der_base64: base64,
        ..ClientCertificate::default()
    };
    let names = certificate.subject_alternative_name().ok().flatten();
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::DNSName(name) => facts.dns_names.push((*name).to_owned()),
            GeneralName::RFC822Name(mail) => facts.emails.push((*mail).to_owned()),
            GeneralName::URI(uri) => facts.uris.push((*uri).to_owned()),
            GeneralName::IPAddress(octets) => facts.ips.extend(ip(octets)),
            _ => {}
        }
    }
    Some(facts)
}

fn ip(octets: &[u8]) -> Option<String> {
    let ip = <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
    ip.ok().map(|ip| ip.to_string())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}").is_ok();
    }
    text
}

/// Lines of 64 characters between the marks. Source: RFC 7468, section 2.
fn pem(base64: &str) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, character) in base64.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}

/// Short names of attributes. Source: RFC 4514, section 3, and Go's `crypto/x509/pkix`, whose form Caddy shows.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.17", "POSTALCODE"),
];

/// A distinguished name as text, the last part first. Source: RFC 4514, section 2.
fn name(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter().collect();
    let mut text = String::new();
    for part in parts.iter().rev() {
        for (index, attribute) in part.iter().enumerate() {
            if index > 0 {
                text.push('+');
            } else if !text.is_empty() {
                text.push(',');
            }
            let oid = attribute.attr_type().to_id_string();
            let short = ATTRIBUTES.iter().find(|(known, _)| *known == oid);
            text.push_str(short.map_or(oid.as_str(), |(_, short)| short));
            text.push('=');
            if let (Some(_), Ok(value)) = (short, attribute.as_str()) {
                escape(value, &mut text);
            } else {
                let value = attribute.attr_value().to_der_vec().unwrap_or_default();
                text.push('#');
                text.push_str(&hex(&value));
            }
        }
    }
    text
}

fn escape(value: &str, text: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let special = match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            '#' => index == 0,
            ' ' => index == 0 || index == last,
            _ => false,
        };
        if special {
            text.push('\\');
        }
        text.push(character);
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _, SanType, SerialNumber};

    use super::*;

    #[test]
    fn shows_every_field() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(
            4_722_366_482_869_645_213_696_u128.to_be_bytes().to_vec(),
        ));
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in [
            (DnType::OrganizationName, "Nuts, Bolts + Co"),
            (DnType::CommonName, "#1 client "),
        ] {
            params.distinguished_name.push(kind, value);
        }
        params.subject_alt_names.extend([
            SanType::Rfc822Name("me@a.example".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            SanType::URI("spiffe://a/b".try_into().unwrap()),
        ]);
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let facts = facts(made.der()).unwrap();
        assert_eq!(facts.subject, r"CN=\#1 client\ ,O=Nuts\, Bolts \+ Co");
        assert_eq!(facts.issuer, facts.subject);
        assert_eq!(facts.serial, "4722366482869645213696");
        assert_eq!(facts.dns_names, ["a.example"]);
        assert_eq!(facts.emails, ["me@a.example"]);
        assert_eq!(facts.ips, ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(facts.uris, ["spiffe://a/b"]);
        assert_eq!(facts.pem, made.pem().replace('\r', ""));
        assert_eq!(
            BASE64.decode(&facts.der_base64).unwrap(),
            made.der().as_ref()
        );
        assert_eq!(facts.public_key, hex(key.der_bytes()));
        assert_eq!(
            facts.public_key_sha256,
            hex(&Sha256::digest(key.der_bytes()))
        );
        assert_eq!(facts.fingerprint, hex(&Sha256::digest(made.der())));
        assert!(super::facts(b"no certificate").is_none());
    }
}
