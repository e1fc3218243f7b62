//! `ferrogate status`

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::table::columns;
use crate::args::{Format, GatewayOptions, StatusOptions};
use crate::console::{Failure, Outcome, print, say};
use crate::remote::{Ask, Remote, plain};

/// Tells whether a gateway is ready, and with a key what it is and how its providers are.
pub(crate) fn run(options: &StatusOptions, gateway: &GatewayOptions) -> Outcome {
    let remote = Remote::new(gateway)?;
    let probe = remote.send(Ask::probe(Method::GET, "/readyz"))?;
    let ready = match (probe.status, probe.value["status"].as_str()) {
        (StatusCode::OK, Some("ready")) => true,
        (StatusCode::SERVICE_UNAVAILABLE, Some("not_ready")) => false,
        _ => {
            return Err(Failure::Failed(format!(
                "`{}` answers `/readyz` ({}), but not as a gateway; a site may serve that path itself, the admin listener does not",
                remote.origin(),
                probe.status.as_u16()
            )));
        }
    };
    let details = details(&remote);
    if let Err(Failure::Failed(reason)) = &details {
        say(&format!("note: no more than that is known: {reason}"));
    }
    let (status, health) = details.unwrap_or_default();
    let reason = &probe.value["reason"];
    match options.format {
        Format::Json => {
            let document = json!({
                "gateway": remote.origin(),
                "ready": ready,
                "reason": reason,
                "status": status,
                "health": health,
            });
            print(&format!("{document:#}\n"))?;
        }
        Format::Text => {
            let mut rows = vec![["gateway".to_owned(), remote.origin().to_owned()]];
            let word = match reason.as_str() {
                Some(reason) => format!("no: {}", plain(reason)),
                None if ready => "yes".to_owned(),
                None => "no".to_owned(),
            };
            rows.push(["ready".to_owned(), word]);
            rows.extend(LINES.iter().filter_map(|(name, member)| {
                let value = status.get(member)?;
                Some([(*name).to_owned(), cell(member, value)])
            }));
            print(&columns(&[], &rows))?;
            print(&providers(&health))?;
        }
    }
    if ready { Ok(()) } else { Err(Failure::Told) }
}

/// What is shown of the status, in this order.
const LINES: [(&str, &str); 10] = [
    ("version", "version"),
    ("uptime", "uptime_seconds"),
    ("revision", "config_revision"),
    ("listeners", "listeners"),
    ("sites", "sites"),
    ("routes", "routes"),
    ("upstreams", "upstreams"),
    ("models", "models"),
    ("keys", "api_keys"),
    ("key required", "auth_required"),
];

fn details(remote: &Remote) -> Result<(Value, Value), Failure> {
    let status = remote.ask(Ask::admin(Method::GET, "status"))?;
    let health = remote.ask(Ask::admin(Method::GET, "health"))?;
    Ok((status, health))
}

fn cell(member: &str, value: &Value) -> String {
    match value {
        Value::Number(seconds) if member == "uptime_seconds" => {
            duration(seconds.as_u64().unwrap_or(0))
        }
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// The two largest units of a duration.
fn duration(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match (hours / 24, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        (days, _, _) => format!("{days}d {}h", hours % 24),
    }
}

fn providers(health: &Value) -> String {
    let text = |value: &Value| value.as_str().map(plain).unwrap_or_default();
    let rows: Vec<[String; 4]> = health["providers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| ["name", "kind", "status", "breaker"].map(|name| text(&row[name])))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "\n{}",
        columns(&["PROVIDER", "KIND", "STATUS", "BREAKER"], &rows)
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_have_two_units() {
        for (seconds, expected) in [
            (5, "5s"),
            (65, "1m 5s"),
            (7_260, "2h 1m"),
            (180_000, "2d 2h"),
        ] {
            assert_eq!(super::duration(seconds), expected);
        }
    }
}
