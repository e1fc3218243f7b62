-- Times are milliseconds since 1970 in UTC, money billionths of a dollar.

CREATE TABLE facts (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE changes (
    kind TEXT PRIMARY KEY,
    generation INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    previous_hash TEXT,
    previous_valid_until INTEGER,
    tenant TEXT,
    user_name TEXT,
    settings TEXT NOT NULL,
    disabled INTEGER NOT NULL,
    revoked_at INTEGER,
    expires INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    rotated_at INTEGER,
    last_used_at INTEGER,
    usage_count INTEGER NOT NULL,
    version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX api_keys_version ON api_keys (version);
CREATE INDEX api_keys_tenant ON api_keys (tenant) WHERE tenant IS NOT NULL;

CREATE TABLE deleted_keys (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX deleted_keys_version ON deleted_keys (version);

CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    parent TEXT,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tenants_parent ON tenants (parent) WHERE parent IS NOT NULL;

CREATE TABLE documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE config_revisions (
    version INTEGER PRIMARY KEY,
    text TEXT NOT NULL,
    format TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    rolled_back_from INTEGER
);

CREATE TABLE config_active (
    version INTEGER PRIMARY KEY REFERENCES config_revisions (version)
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    csrf TEXT NOT NULL,
    subject TEXT NOT NULL,
    key_id TEXT,
    scopes TEXT NOT NULL,
    source_ip TEXT,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_key ON sessions (key_id) WHERE key_id IS NOT NULL;

CREATE TABLE kept_answers (
    actor TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    etag TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, idempotency_key)
) WITHOUT ROWID;
CREATE INDEX kept_answers_created ON kept_answers (created_at);

CREATE TABLE audit_log (
    seq INTEGER PRIMARY KEY,
    occurred_at INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    target_id TEXT,
    outcome TEXT NOT NULL,
    source_ip TEXT,
    detail TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_log_time ON audit_log (occurred_at);
CREATE INDEX audit_log_actor ON audit_log (actor_id, occurred_at);
CREATE INDEX audit_log_action ON audit_log (action, occurred_at);
CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is only added to');
END;
CREATE TRIGGER audit_log_is_not_deleted BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is only added to');
END;

CREATE TABLE log_writers (
    writer TEXT PRIMARY KEY,
    batch INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE request_logs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    ttft_ms INTEGER,
    surface TEXT NOT NULL,
    key_id TEXT,
    tenant TEXT,
    user_name TEXT,
    session TEXT,
    model TEXT,
    provider TEXT,
    upstream_model TEXT,
    status INTEGER NOT NULL,
    error_code TEXT,
    attempts TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_nanos INTEGER,
    cache TEXT,
    lossy TEXT NOT NULL,
    stream INTEGER NOT NULL,
    client_ip TEXT,
    trace TEXT NOT NULL
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
CREATE INDEX request_logs_user ON request_logs (user_name, occurred_at) WHERE user_name IS NOT NULL;
CREATE INDEX request_logs_session ON request_logs (session, occurred_at) WHERE session IS NOT NULL;
CREATE INDEX request_logs_failed ON request_logs (occurred_at, seq, key_id, tenant, model, provider, status) WHERE status >= 400;

CREATE TABLE billing_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    occurred_at INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    key_id TEXT,
    tenant TEXT,
    user_name TEXT,
    model TEXT NOT NULL,
    provider TEXT,
    upstream_model TEXT,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    units TEXT NOT NULL,
    cost_nanos INTEGER,
    price TEXT NOT NULL,
    estimated INTEGER NOT NULL,
    uncertain INTEGER NOT NULL
);
CREATE INDEX billing_events_time ON billing_events (occurred_at);
CREATE INDEX billing_events_key ON billing_events (key_id, occurred_at);
CREATE INDEX billing_events_tenant ON billing_events (tenant, occurred_at);
CREATE INDEX billing_events_uncertain ON billing_events (occurred_at) WHERE uncertain;

CREATE TABLE corrections (
    id TEXT PRIMARY KEY,
    of_event TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    is_actual INTEGER NOT NULL,
    is_pending INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    units TEXT NOT NULL,
    cost_nanos INTEGER
) WITHOUT ROWID;
CREATE INDEX corrections_event ON corrections (of_event, occurred_at);
CREATE INDEX corrections_pending ON corrections (of_event) WHERE is_pending;

-- Of events and of corrections; what an event took is the sum over itself and its corrections.
CREATE TABLE charges (
    entry_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    account TEXT NOT NULL,
    unit TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (event_id, entry_id, account, unit, window_start, window_end)
) WITHOUT ROWID;

CREATE TABLE balances (
    account TEXT NOT NULL,
    unit TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    PRIMARY KEY (account, unit, window_start, window_end)
) WITHOUT ROWID;
CREATE INDEX balances_end ON balances (window_end);

CREATE TABLE usage_hours (
    hour_start INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    cost_nanos INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    uncertain INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    PRIMARY KEY (hour_start, key_id, tenant, model, provider)
) WITHOUT ROWID;
