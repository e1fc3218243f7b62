//! The media type of a file.

use std::path::Path;

/// The type by the file's extension; `None` when the extension tells nothing. Text says that it is UTF-8. The content is not
/// asked: what somebody uploaded must not pass for a page.
pub(crate) fn by_name(path: &Path) -> Option<String> {
    let guess = mime_guess::from_path(path).first_raw()?;
    // RFC 9239 has made this the one name of JavaScript.
    let guess = match guess {
        "application/javascript" => "text/javascript",
        guess => guess,
    };
    Some(if guess.starts_with("text/") {
        format!("{guess}; charset=utf-8")
    } else {
        guess.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_types() {
        for (name, expected) in [
            ("a.html", Some("text/html; charset=utf-8")),
            ("a.CSS", Some("text/css; charset=utf-8")),
            ("a.js", Some("text/javascript; charset=utf-8")),
            ("a.json", Some("application/json")),
            ("a.png", Some("image/png")),
            ("a.svg", Some("image/svg+xml")),
            ("a.txt", Some("text/plain; charset=utf-8")),
            ("a.wasm", Some("application/wasm")),
            ("a", None),
            ("a.unheard-of", None),
        ] {
            assert_eq!(by_name(Path::new(name)).as_deref(), expected, "{name}");
        }
    }
}
