//! The facts that families of placeholders name.

/// A fact of a TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsFact {
    /// `resumed`
    Resumed,
    /// `proto`: the protocol agreed on.
    Proto,
    /// `proto_mutual`: whether one was; always so.
    ProtoMutual,
    /// `server_name`
    ServerName,
    /// `ech`: Encrypted Client Hello was used.
    Ech,
    /// `client.fingerprint`: SHA-256 of the certificate, hexadecimal.
    Fingerprint,
    /// `client.public_key`: hexadecimal.
    PublicKey,
    /// `client.public_key_sha256`: hexadecimal.
    PublicKeySha256,
    /// `client.issuer`
    Issuer,
    /// `client.serial`: decimal.
    Serial,
    /// `client.subject`
    Subject,
    /// `client.certificate_pem`
    CertificatePem,
    /// `client.certificate_der_base64`
    CertificateDer,
    /// `client.san.dns_names`, joined with commas, or `client.san.dns_names.N`.
    DnsNames(Option<usize>),
    /// `client.san.emails`
    Emails(Option<usize>),
    /// `client.san.ips`
    Ips(Option<usize>),
    /// `client.san.uris`
    Uris(Option<usize>),
}

/// A fact of the file a matcher found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileFact {
    /// `relative`: from the root on.
    Relative,
    /// `absolute`: the whole path.
    Absolute,
    /// `type`: `file` or `directory`.
    Type,
    /// `remainder`: what `split_path` cut off.
    Remainder,
}

/// A fact of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamFact {
    /// `upstream.address`
    Address,
    /// `upstream.host`
    Host,
    /// `upstream.port`
    Port,
    /// `upstream.requests`: in flight.
    Requests,
    /// `upstream.max_requests`
    MaxRequests,
    /// `upstream.fails`
    Fails,
    /// `upstream.latency`: to the answer's header.
    Latency,
    /// `upstream.latency_ms`
    LatencyMs,
    /// `upstream.duration`: of the attempt that succeeded.
    AttemptDuration,
    /// `upstream.duration_ms`
    AttemptDurationMs,
    /// `duration`: of all attempts.
    Duration,
    /// `duration_ms`
    DurationMs,
    /// `retries`
    Retries,
    /// `status_text`
    StatusText,
    /// `is_transport_error`
    IsTransportError,
    /// `active.target_upstream`: of a health check.
    HealthTarget,
}

/// A fact of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemFact {
    /// `slash`: what separates the parts of a path.
    Slash,
    /// `os`, as Go names it.
    Os,
    /// `arch`, as Go names it.
    Arch,
    /// `wd`: the working directory.
    WorkingDirectory,
}
