//! Fields of `multipart/form-data`, found without taking the body apart.

use std::borrow::Cow;
use std::ops::Range;

/// A form's body and what separates its parts. RFC 7578, RFC 2046 section 5.1.
pub(crate) struct Form<'a> {
    body: &'a [u8],
    delimiter: Vec<u8>,
}

/// Parts looked at; a caller that sends more cannot spend the CPU with them.
const MOST_PARTS: usize = 256;

impl<'a> Form<'a> {
    /// The form of that content type; `None` when it is none.
    pub(crate) fn new(content_type: &str, body: &'a [u8]) -> Option<Self> {
        let (kind, parameters) = content_type.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("boundary")
                .then(|| value.trim().trim_matches('"'))
        })?;
        let fits = (1..=70).contains(&boundary.len());
        fits.then(|| Self {
            body,
            delimiter: [b"--", boundary.as_bytes()].concat(),
        })
    }

    /// Every part that has a name, in the order sent.
    pub(crate) fn parts(&self) -> impl Iterator<Item = FormPart<'a>> {
        let finder = memchr::memmem::Finder::new(&self.delimiter);
        let starts: Vec<usize> = finder.find_iter(self.body).take(MOST_PARTS + 1).collect();
        let (body, delimiter) = (self.body, self.delimiter.len());
        // What follows the last delimiter is no part: it says that the form is over.
        let bounds: Vec<(usize, usize)> = starts
            .windows(2)
            .map(|pair| match pair {
                [start, end] => (start + delimiter, *end),
                _ => (0, 0),
            })
            .collect();
        bounds.into_iter().filter_map(move |(from, to)| {
            let part = body.get(from..to)?;
            let head_end = memchr::memmem::find(part, b"\r\n\r\n")?;
            let head = String::from_utf8_lossy(part.get(..head_end)?);
            let value = part.get(head_end + 4..)?;
            Some(FormPart {
                name: disposition(&head, "name=")?.into(),
                file_name: disposition(&head, "filename="),
                media_type: media_type(&head),
                value: value.strip_suffix(b"\r\n").unwrap_or(value),
            })
        })
    }

    /// Where the value of a text field lies. A part with a file name is a file, whatever its field is called.
    pub(crate) fn field(&self, name: &str) -> Option<Range<usize>> {
        let finder = memchr::memmem::Finder::new(&self.delimiter);
        let mut starts = finder.find_iter(self.body).take(MOST_PARTS).peekable();
        while let Some(start) = starts.next() {
            let from = start + self.delimiter.len();
            let to = starts.peek().copied().unwrap_or(self.body.len());
            let part = self.body.get(from..to)?;
            let Some(head_end) = memchr::memmem::find(part, b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8_lossy(part.get(..head_end)?);
            if is_field(&head, name) {
                let value = part.get(head_end + 4..)?;
                let length = value.strip_suffix(b"\r\n").map_or(value.len(), <[u8]>::len);
                let at = from + head_end + 4;
                return Some(at..at + length);
            }
        }
        None
    }
}

/// A field of a form, or a file.
pub(crate) struct FormPart<'a> {
    /// The name of the field.
    pub(crate) name: Cow<'a, str>,
    /// What the file is called, if it is one.
    pub(crate) file_name: Option<String>,
    /// What the caller says it is, without parameters and in lower case.
    pub(crate) media_type: Option<String>,
    /// The bytes.
    pub(crate) value: &'a [u8],
}

/// A parameter of a part's disposition, such as `name=`.
fn disposition(head: &str, parameter: &str) -> Option<String> {
    head.split("\r\n").find_map(|line| {
        let (field, value) = line.split_once(':')?;
        let named = || {
            let mut parameters = value.split(';').map(str::trim);
            parameters.find_map(|written| written.strip_prefix(parameter))
        };
        field
            .trim()
            .eq_ignore_ascii_case("content-disposition")
            .then(named)?
            .map(|name| name.trim_matches('"').to_owned())
    })
}

fn media_type(head: &str) -> Option<String> {
    head.split("\r\n").find_map(|line| {
        let (field, value) = line.split_once(':')?;
        let kind = value.split(';').next()?.trim();
        field
            .trim()
            .eq_ignore_ascii_case("content-type")
            .then(|| kind.to_ascii_lowercase())
    })
}

fn is_field(head: &str, name: &str) -> bool {
    head.split("\r\n").any(|line| {
        let Some((field, value)) = line.split_once(':') else {
            return false;
        };
        let mut parameters = value.split(';').map(str::trim);
        field.trim().eq_ignore_ascii_case("content-disposition")
            && parameters.next() == Some("form-data")
            && parameters
                .clone()
                .all(|parameter| !parameter.starts_with("filename"))
            && parameters.any(|parameter| {
                parameter
                    .strip_prefix("name=")
                    .map(|value| value.trim_matches('"'))
                    == Some(name)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_field_and_no_file() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\nname=\"model\"\r\n\
            --x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n";
        let form = Form::new("multipart/form-data; boundary=\"x\"", body).unwrap();
        assert_eq!(&body[form.field("model").unwrap()], b"whisper-1");
        assert_eq!(form.field("file"), None);
        for other in [
            "application/json",
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ] {
            assert!(Form::new(other, body).is_none(), "{other}");
        }
    }
}
