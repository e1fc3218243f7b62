//! JSON that is borrowed where it is read and appended where it is written.
//!
//! A body is taken apart level by level: an [`Object`] keeps each member's text as it came, and what nobody took is
//! still there at the end. So no field is lost in silence, and what passes unread is never built.

mod escape;
mod peek;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::DecodeError;

pub(crate) use peek::peek;

/// Any JSON value as text, borrowed or made.
pub type Json<'a> = Cow<'a, RawValue>;

/// The members of a JSON object in the order written, each value as its text.
///
/// Two members of one name are refused: which one counts must not depend on who looks.
#[derive(Clone, Debug, Default)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
    twins: Vec<(&'static str, &'a RawValue)>,
}

/// Members below which a list is searched faster than a set is made.
const FEW: usize = 16;

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                let mut seen: HashSet<String> = HashSet::new();
                while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    if members.len() == FEW {
                        seen.extend(members.iter().map(|(name, _)| name.clone().into_owned()));
                    }
                    let twice = if members.len() < FEW {
                        members.iter().any(|(known, _)| *known == name)
                    } else {
                        !seen.insert(name.clone().into_owned())
                    };
                    if twice {
                        return Err(serde::de::Error::custom(format_args!(
                            "duplicate field `{name}`"
                        )));
                    }
                    members.push((name, value));
                }
                Ok(Object {
                    members,
                    twins: Vec::new(),
                })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'a> Object<'a> {
    /// Reads a whole body, which must be one object.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(body).map_err(DecodeError::Json)
    }

    /// Reads a value that should be an object.
    pub fn of(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// The member of that name, `null` included; it stays.
    pub fn peek(&self, name: &str) -> Option<&'a RawValue> {
        self.members
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, raw)| *raw)
    }

    /// Takes the member of that name; `null` counts as absent.
    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.members.iter().position(|(known, _)| known == name)?;
        let (_, raw) = self.members.remove(at);
        (raw.get() != "null").then_some(raw)
    }

    /// Takes a string.
    pub fn text(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, DecodeError> {
        self.typed(name, "a string", text)
    }

    /// Takes a boolean.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, DecodeError> {
        self.typed(name, "true or false", |raw| match raw.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    /// Takes a whole number from 0; a number such as `4.0` is one.
    pub fn unsigned(&mut self, name: &'static str) -> Result<Option<u64>, DecodeError> {
        self.typed(name, "a whole number", unsigned)
    }

    /// Takes a whole number.
    pub fn integer(&mut self, name: &'static str) -> Result<Option<i64>, DecodeError> {
        self.typed(name, "a whole number", |raw| raw.get().parse().ok())
    }

    /// Takes a number.
    pub fn number(&mut self, name: &'static str) -> Result<Option<f64>, DecodeError> {
        self.typed(name, "a number", number)
    }

    /// Takes an object.
    pub fn object(&mut self, name: &'static str) -> Result<Option<Object<'a>>, DecodeError> {
        self.typed(name, "an object", Self::of)
    }

    /// Takes an array.
    pub fn array(&mut self, name: &'static str) -> Result<Option<Vec<&'a RawValue>>, DecodeError> {
        self.typed(name, "an array", array)
    }

    /// Takes a string, or an array of strings.
    pub fn texts(&mut self, name: &'static str) -> Result<Vec<Cow<'a, str>>, DecodeError> {
        let found = self.typed(name, "a string or an array of strings", |raw| {
            match text(raw) {
                Some(one) => Some(vec![one]),
                None => array(raw)?.into_iter().map(text).collect(),
            }
        })?;
        Ok(found.unwrap_or_default())
    }

    fn typed<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&'a RawValue) -> Option<T>,
    ) -> Result<Option<T>, DecodeError> {
        self.take(name)
            .map(|raw| read(raw).ok_or_else(|| DecodeError::wrong(name, expected)))
            .transpose()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What nobody took, in the order written.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().map(|(name, raw)| (name.as_ref(), *raw))
    }

    /// Puts a member back, behind the others.
    pub fn put(&mut self, name: impl Into<Cow<'a, str>>, raw: &'a RawValue) {
        self.members.push((name.into(), raw));
    }

    /// Keeps what is left of an inner object as members named `outer.inner`; [`kept`](Self::kept) finds them again.
    pub fn keep(&mut self, outer: &str, rest: &Self) {
        for (name, raw) in &rest.members {
            self.put(format!("{outer}.{name}"), raw);
        }
    }

    /// The members kept of an inner object, under their own names.
    pub fn kept<'s>(&'s self, outer: &'s str) -> impl Iterator<Item = (&'s str, &'a RawValue)> {
        self.members.iter().filter_map(move |(name, raw)| {
            let inner = name.strip_prefix(outer)?.strip_prefix('.')?;
            Some((inner, *raw))
        })
    }

    /// Keeps how a member was written whose meaning was read into a field: for a target of the same dialect, and no
    /// member that is left.
    pub fn keep_twin(&mut self, name: &'static str, raw: &'a RawValue) {
        self.twins.push((name, raw));
    }

    /// How that member was written.
    pub fn twin(&self, name: &str) -> Option<&'a RawValue> {
        self.twins
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, raw)| *raw)
    }
}

/// A string; borrowed when it has no escape.
pub fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    Some(Cow::Owned(escape::read(inner)))
}

/// A whole number from 0, also written as `12.0` or `1.2e1`: some vendors count in floats.
pub fn unsigned(raw: &RawValue) -> Option<u64> {
    let text = raw.get();
    text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        // Above 2^53 a float no longer says which number was meant.
        (float.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&float)).then(|| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, not negative, below 2^53"
            )]
            let whole = float as u64;
            whole
        })
    })
}

/// A number.
pub fn number(raw: &RawValue) -> Option<f64> {
    let first = raw.get().bytes().next()?;
    (first == b'-' || first.is_ascii_digit())
        .then(|| raw.get().parse().ok())
        .flatten()
}

/// The elements of an array.
pub fn array(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

/// The value without white space between its tokens; borrowed when there is none.
pub fn compact(raw: &RawValue) -> Cow<'_, str> {
    let text = raw.get();
    let blanks = || {
        let (mut inside, mut escaped) = (false, false);
        move |char: char| {
            if inside {
                inside = escaped || char != '"';
                escaped = !escaped && char == '\\';
                return false;
            }
            inside = char == '"';
            matches!(char, ' ' | '\n' | '\r' | '\t')
        }
    };
    if !text.chars().any(blanks()) {
        return Cow::Borrowed(text);
    }
    let mut blank = blanks();
    Cow::Owned(text.chars().filter(|char| !blank(*char)).collect())
}

/// The elements of the list `content` in OpenAI's `logprobs`, as JSON with a comma between each two.
pub(crate) fn inner_list(logprobs: &RawValue) -> String {
    let list = Object::of(logprobs).and_then(|mut object| object.array("content").ok()?);
    let mut w = Writer::default();
    for raw in list.unwrap_or_default() {
        w.raw(raw);
    }
    w.into_text()
}

/// Text that must be JSON as a value; `None` when it is not.
pub fn owned(text: String) -> Option<Json<'static>> {
    RawValue::from_string(text).ok().map(Cow::Owned)
}

/// Appends JSON to a buffer. Commas are set from the byte before, so there is no state to get wrong.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    /// Where the JSON begins: what is before is something else.
    from: usize,
}

impl Writer {
    /// An empty buffer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            out: Vec::with_capacity(bytes),
            from: 0,
        }
    }

    /// Goes on behind an object that was begun in `out`.
    pub fn continuing(out: Vec<u8>) -> Self {
        Self { out, from: 0 }
    }

    /// Begins a value behind what is in `out`.
    pub fn behind(out: Vec<u8>) -> Self {
        let from = out.len();
        Self { out, from }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// What was written, which is text because only text is written.
    pub fn into_text(self) -> String {
        String::from_utf8(self.out).unwrap_or_default()
    }

    /// What was written so far.
    pub fn as_text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap_or_default()
    }

    fn separate(&mut self) {
        let begun = self.out.len() > self.from;
        if begun && !matches!(self.out.last(), Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }

    /// Begins an object.
    pub fn open(&mut self) -> &mut Self {
        self.separate();
        self.out.push(b'{');
        self
    }

    /// Ends an object.
    pub fn close(&mut self) -> &mut Self {
        self.out.push(b'}');
        self
    }

    /// Begins an array.
    pub fn open_list(&mut self) -> &mut Self {
        self.separate();
        self.out.push(b'[');
        self
    }

    /// Ends an array.
    pub fn close_list(&mut self) -> &mut Self {
        self.out.push(b']');
        self
    }

    /// Begins a member; its value follows.
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.quoted(name);
        self.out.push(b':');
        self
    }

    /// A string.
    pub fn string(&mut self, text: &str) -> &mut Self {
        self.separate();
        self.quoted(text);
        self
    }

    fn quoted(&mut self, text: &str) {
        self.out.push(b'"');
        escape::write(text, &mut self.out);
        self.out.push(b'"');
    }

    /// A value as it is.
    pub fn raw(&mut self, json: &RawValue) -> &mut Self {
        self.literal(json.get())
    }

    /// Text that is JSON already.
    pub fn literal(&mut self, json: &str) -> &mut Self {
        self.separate();
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    /// A value of serde's.
    pub fn value(&mut self, value: &impl serde::Serialize) -> &mut Self {
        self.separate();
        // Writing to memory does not fail.
        let written = serde_json::to_writer(&mut self.out, value);
        debug_assert!(written.is_ok());
        self
    }

    /// A member that is a string.
    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.key(name).string(text)
    }

    /// A member that is a string in pieces.
    pub fn text_of(&mut self, name: &str, pieces: &[&str]) -> &mut Self {
        self.key(name).out.push(b'"');
        for piece in pieces {
            escape::write(piece, &mut self.out);
        }
        self.out.push(b'"');
        self
    }

    /// A member that is a string, if there is one.
    pub fn text_if(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// A member of any serializable kind.
    pub fn member(&mut self, name: &str, value: &impl serde::Serialize) -> &mut Self {
        self.key(name).value(value)
    }

    /// A member of any serializable kind, if there is one.
    pub fn member_if(&mut self, name: &str, value: Option<&impl serde::Serialize>) -> &mut Self {
        if let Some(value) = value {
            self.member(name, value);
        }
        self
    }

    /// A member as it is, if there is one.
    pub fn raw_if(&mut self, name: &str, json: Option<&RawValue>) -> &mut Self {
        if let Some(json) = json {
            self.key(name).raw(json);
        }
        self
    }

    /// Members as they came.
    pub fn rest(&mut self, object: &Object<'_>) -> &mut Self {
        for (name, raw) in object.members() {
            self.key(name).raw(raw);
        }
        self
    }

    /// Members as they came, but for those [kept](Object::keep) of these inner objects.
    pub fn rest_outside(&mut self, object: &Object<'_>, inner: &[&str]) -> &mut Self {
        for (name, raw) in object.members() {
            let outer = name.split_once('.').map(|(outer, _)| outer);
            if !outer.is_some_and(|outer| inner.contains(&outer)) {
                self.key(name).raw(raw);
            }
        }
        self
    }

    /// Members [kept](Object::keep) of an inner object.
    pub fn rest_of(&mut self, object: &Object<'_>, outer: &str) -> &mut Self {
        for (name, raw) in object.kept(outer) {
            self.key(name).raw(raw);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_still_there() {
        let mut object =
            Object::parse(br#"{"a":"x\ny","b":null,"c":[1, 2],"n":4.0,"z":{"k":1}}"#).unwrap();
        assert_eq!(object.text("a").unwrap().unwrap(), "x\ny");
        assert_eq!(object.text("b").unwrap(), None);
        assert_eq!(object.unsigned("n").unwrap(), Some(4));
        let mut writer = Writer::default();
        writer.open().rest(&object).close();
        assert_eq!(writer.into_text(), r#"{"c":[1, 2],"z":{"k":1}}"#);
        assert!(object.flag("c").is_err());
    }

    #[test]
    fn compacts_between_tokens_only() {
        for (given, expected) in [
            (r#"{"a":"x y"}"#, r#"{"a":"x y"}"#),
            (
                "{ \"a \\\" b\" :\n[1 , \"\\\\\" ] }",
                r#"{"a \" b":[1,"\\"]}"#,
            ),
        ] {
            let raw: &RawValue = serde_json::from_str(given).unwrap();
            assert_eq!(compact(raw), expected);
        }
    }

    #[test]
    fn what_is_kept_of_an_inner_object_is_found_again() {
        let mut outer = Object::parse(br#"{"a":{"x":1,"y":2},"b.c":3}"#).unwrap();
        let mut inner = outer.object("a").unwrap().unwrap();
        inner.take("x");
        outer.keep("a", &inner);
        let mut writer = Writer::default();
        writer.open().rest_outside(&outer, &["a"]).key("a").open();
        writer.rest_of(&outer, "a").close().close();
        assert_eq!(writer.into_text(), r#"{"b.c":3,"a":{"y":2}}"#);
    }

    #[test]
    fn a_twin_is_no_member() {
        let mut object = Object::parse(br#"{"a":1}"#).unwrap();
        let raw = object.take("a").unwrap();
        object.keep_twin("a", raw);
        assert!(object.is_empty());
        assert_eq!(object.twin("a").map(RawValue::get), Some("1"));
    }

    #[test]
    fn a_member_twice_is_refused_however_many_there_are() {
        assert!(Object::parse(br#"{"a":1,"a":2}"#).is_err());
        let mut many: Vec<String> = (0..40).map(|n| format!("\"k{n}\":1")).collect();
        let text = |many: &[String]| format!("{{{}}}", many.join(","));
        assert!(Object::parse(text(&many).as_bytes()).is_ok());
        many.push("\"k3\":2".to_owned());
        assert!(Object::parse(text(&many).as_bytes()).is_err());
    }

    #[test]
    fn half_a_character_does_not_fail() {
        let raw: &RawValue = serde_json::from_str(r#""a\ud83d b\n\u00e9\ud83d\ude00\"""#).unwrap();
        assert_eq!(text(raw).unwrap(), "a\u{fffd} b\n\u{e9}\u{1f600}\"");
    }

    #[test]
    fn a_value_behind_others_has_no_comma_in_front() {
        let mut writer = Writer::behind(b"data: ".to_vec());
        writer.open().text("a", "b").close();
        let out = [&writer.into_bytes(), b"\n".as_slice()].concat();
        let mut writer = Writer::behind(out);
        writer.value(&1);
        assert_eq!(writer.into_bytes(), b"data: {\"a\":\"b\"}\n1");
    }

    #[test]
    fn commas_stand_between_and_nowhere_else() {
        let mut writer = Writer::default();
        writer
            .open()
            .text("a", "{")
            .member("b", &1)
            .key("c")
            .open_list();
        writer
            .string("[")
            .open()
            .close()
            .open_list()
            .close_list()
            .value(&true);
        writer.close_list().close();
        assert_eq!(
            writer.into_text(),
            r#"{"a":"{","b":1,"c":["[",{},[],true]}"#
        );
    }
}
