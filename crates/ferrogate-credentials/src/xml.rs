//! One element of an XML document of AWS.

/// The text of the first element of that name. The documents of the service have no attributes, comments or
/// sections where this looks, so that a parser of XML would have nothing to do.
pub(crate) fn element(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let mut plain = text.trim().to_owned();
    // The ampersand last, so that nothing is decoded twice.
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        plain = plain.replace(entity, character);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_an_element() {
        let document = "<A><Key>\n a&amp;lt;b&lt;c </Key><Key>second</Key><Open></A>";
        for (name, expected) in [
            ("Key", Some("a&lt;b<c")),
            ("Open", None),
            ("Missing", None),
            ("A><Key", None),
        ] {
            assert_eq!(element(document, name).as_deref(), expected, "{name}");
        }
    }
}
