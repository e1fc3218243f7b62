-- Times are milliseconds since 1970 in UTC, money billionths of a dollar. Texts are sorted by their bytes: as SQLite
-- does it, and so that no index depends on the system's locales, which change with it.

CREATE TABLE facts (
    name TEXT COLLATE "C" PRIMARY KEY
);

CREATE TABLE changes (
    kind TEXT COLLATE "C" PRIMARY KEY,
    generation BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    prefix TEXT COLLATE "C" NOT NULL,
    secret_hash TEXT COLLATE "C" NOT NULL,
    previous_hash TEXT COLLATE "C",
    previous_valid_until BIGINT,
    tenant TEXT COLLATE "C",
    user_name TEXT COLLATE "C",
    settings TEXT COLLATE "C" NOT NULL,
    disabled BOOLEAN NOT NULL,
    revoked_at BIGINT,
    expires BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    rotated_at BIGINT,
    last_used_at BIGINT,
    usage_count BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX api_keys_version ON api_keys (version);
CREATE INDEX api_keys_tenant ON api_keys (tenant) WHERE tenant IS NOT NULL;

CREATE TABLE deleted_keys (
    id TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL
);
CREATE INDEX deleted_keys_version ON deleted_keys (version);

CREATE TABLE tenants (
    id TEXT COLLATE "C" PRIMARY KEY,
    parent TEXT COLLATE "C",
    name TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX tenants_parent ON tenants (parent) WHERE parent IS NOT NULL;

CREATE TABLE documents (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE config_revisions (
    version BIGINT PRIMARY KEY,
    text TEXT COLLATE "C" NOT NULL,
    format TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    checksum TEXT COLLATE "C" NOT NULL,
    rolled_back_from BIGINT
);

CREATE TABLE config_active (
    version BIGINT PRIMARY KEY REFERENCES config_revisions (version)
);

CREATE TABLE sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    token_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    csrf TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C",
    scopes TEXT COLLATE "C" NOT NULL,
    source_ip TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_key ON sessions (key_id) WHERE key_id IS NOT NULL;

CREATE TABLE kept_answers (
    actor TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    status BIGINT NOT NULL,
    etag TEXT COLLATE "C",
    body TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (actor, idempotency_key)
);
CREATE INDEX kept_answers_created ON kept_answers (created_at);

CREATE TABLE audit_log (
    seq BIGINT PRIMARY KEY,
    occurred_at BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    target_id TEXT COLLATE "C",
    outcome TEXT COLLATE "C" NOT NULL,
    source_ip TEXT COLLATE "C",
    detail TEXT COLLATE "C" NOT NULL,
    prev_hash TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);
CREATE INDEX audit_log_time ON audit_log (occurred_at, seq);
CREATE INDEX audit_log_actor ON audit_log (actor_id, occurred_at, seq);
CREATE INDEX audit_log_action ON audit_log (action, occurred_at, seq);
CREATE FUNCTION audit_log_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is only added to';
END
$$;
CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_only_added_to();

CREATE TABLE log_writers (
    writer TEXT COLLATE "C" PRIMARY KEY,
    batch BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE TABLE request_logs (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id TEXT COLLATE "C" NOT NULL,
    occurred_at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    ttft_ms BIGINT,
    surface TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C",
    tenant TEXT COLLATE "C",
    user_name TEXT COLLATE "C",
    session TEXT COLLATE "C",
    model TEXT COLLATE "C",
    provider TEXT COLLATE "C",
    upstream_model TEXT COLLATE "C",
    status BIGINT NOT NULL,
    error_code TEXT COLLATE "C",
    attempts TEXT COLLATE "C" NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cost_nanos BIGINT,
    cache TEXT COLLATE "C",
    lossy TEXT COLLATE "C" NOT NULL,
    stream BOOLEAN NOT NULL,
    client_ip TEXT COLLATE "C",
    trace TEXT COLLATE "C" NOT NULL
);
-- What lists are sorted by, and behind it what they are filtered by besides: rows that do not fit are passed over, and
-- those that fit are counted, without being read.
CREATE INDEX request_logs_time ON request_logs (occurred_at, seq);
CREATE INDEX request_logs_request ON request_logs (request_id);
CREATE INDEX request_logs_key
    ON request_logs (key_id, occurred_at, seq, tenant, model, provider, status);
CREATE INDEX request_logs_tenant
    ON request_logs (tenant, occurred_at, seq, key_id, model, provider, status);
CREATE INDEX request_logs_model
    ON request_logs (model, occurred_at, seq, key_id, tenant, provider, status);
CREATE INDEX request_logs_provider
    ON request_logs (provider, occurred_at, seq, key_id, tenant, model, status);
CREATE INDEX request_logs_user ON request_logs (user_name, occurred_at, seq) WHERE user_name IS NOT NULL;
CREATE INDEX request_logs_session ON request_logs (session, occurred_at, seq) WHERE session IS NOT NULL;
CREATE INDEX request_logs_failed ON request_logs (occurred_at, seq, key_id, tenant, model, provider, status) WHERE status >= 400;

CREATE TABLE billing_events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    occurred_at BIGINT NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    key_id TEXT COLLATE "C",
    tenant TEXT COLLATE "C",
    user_name TEXT COLLATE "C",
    model TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C",
    upstream_model TEXT COLLATE "C",
    input_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    units TEXT COLLATE "C" NOT NULL,
    cost_nanos BIGINT,
    price TEXT COLLATE "C" NOT NULL,
    estimated BOOLEAN NOT NULL,
    uncertain BOOLEAN NOT NULL
);
CREATE INDEX billing_events_time ON billing_events (occurred_at, seq);
CREATE INDEX billing_events_key ON billing_events (key_id, occurred_at, seq);
CREATE INDEX billing_events_tenant ON billing_events (tenant, occurred_at, seq);
CREATE INDEX billing_events_uncertain ON billing_events (occurred_at, seq) WHERE uncertain;

CREATE TABLE corrections (
    id TEXT COLLATE "C" PRIMARY KEY,
    of_event TEXT COLLATE "C" NOT NULL,
    occurred_at BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    is_actual BOOLEAN NOT NULL,
    is_pending BOOLEAN NOT NULL,
    input_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    units TEXT COLLATE "C" NOT NULL,
    cost_nanos BIGINT
);
CREATE INDEX corrections_event ON corrections (of_event, occurred_at);
CREATE INDEX corrections_pending ON corrections (of_event) WHERE is_pending;

-- Of events and of corrections; what an event took is the sum over itself and its corrections.
CREATE TABLE charges (
    entry_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    window_start BIGINT NOT NULL,
    window_end BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (event_id, entry_id, account, unit, window_start, window_end)
);

CREATE TABLE balances (
    account TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    window_start BIGINT NOT NULL,
    window_end BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    PRIMARY KEY (account, unit, window_start, window_end)
);
CREATE INDEX balances_end ON balances (window_end);

CREATE TABLE usage_hours (
    hour_start BIGINT NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    requests BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
    cache_write_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    cost_nanos BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    uncertain BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    PRIMARY KEY (hour_start, key_id, tenant, model, provider)
);
