//! Why a token server refused, in a line fit for a log.

use ferrogate_types::Secret;
use serde_json::Value;

/// Reads a refusal: the error and description of OAuth, the code and message of Google, Azure, Databricks or
/// AWS; what was secret in the request is cut out of it.
pub(super) fn read(body: &[u8], secrets: &[Secret]) -> String {
    let said = match serde_json::from_slice(body) {
        Ok(document) => from_json(&document),
        Err(_) => from_xml(&String::from_utf8_lossy(body)),
    };
    let mut said = said.unwrap_or_else(|| "it gives no reason".to_owned());
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        said = said.replace(secret.expose(), "***");
    }
    let line: String = said
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    line
}

fn from_json(document: &Value) -> Option<String> {
    // Google and Azure wrap code and message in an object, OAuth has two strings side by side.
    let inner = Some(&document["error"])
        .filter(|error| error.is_object())
        .unwrap_or(document);
    let text = |names: &[&str]| {
        let mut found = names.iter().filter_map(|name| inner[*name].as_str());
        found.next().map(str::to_owned)
    };
    let code = text(&["error", "status", "code", "Code", "error_code"]);
    let message = text(&["error_description", "message", "Message"]);
    match (code, message) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    }
}

fn from_xml(document: &str) -> Option<String> {
    let text = |name: &str| crate::xml::element(document, name);
    match (text("Code"), text("Message")) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    }
}

/// Of the reason, in characters.
const LONGEST: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_vendors_say() {
        let secret = [Secret::literal("s3cr3t")];
        for (body, expected) in [
            (
                r#"{"error":"invalid_grant","error_description":"Bad\nJWT s3cr3t"}"#,
                "invalid_grant: Bad JWT ***",
            ),
            (
                r#"{"error":{"code":403,"message":"denied","status":"PERMISSION_DENIED"}}"#,
                "PERMISSION_DENIED: denied",
            ),
            (
                r#"{"statusCode":400,"message":"no identity"}"#,
                "no identity",
            ),
            (
                r#"{"error_code":"PERMISSION_DENIED","message":"no"}"#,
                "PERMISSION_DENIED: no",
            ),
            (
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>a &lt; b</Message></Error></ErrorResponse>",
                "AccessDenied: a < b",
            ),
            ("<html>Bad Gateway</html>", "it gives no reason"),
            ("", "it gives no reason"),
            ("[1]", "it gives no reason"),
        ] {
            assert_eq!(read(body.as_bytes(), &secret), expected);
        }
        let long = format!(r#"{{"error":"{}"}}"#, "é".repeat(1000));
        assert_eq!(read(long.as_bytes(), &[]).chars().count(), LONGEST);
    }
}
