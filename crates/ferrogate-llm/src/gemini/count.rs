//! `countTokens`.
//!
//! Source: the Gemini API's reference, `models.countTokens`: either the contents, or a whole request.

use super::{name, request};
use crate::DecodeError;
use crate::chat::ChatRequest;
use crate::json::{Object, Writer};
use crate::protocol::Address;

/// Reads a request for the number of tokens of a conversation, as the conversation. Vertex AI's form has the members
/// of a request beside the contents.
pub(crate) fn read_count_tokens<'a>(
    body: &'a [u8],
    address: Address<'a>,
) -> Result<ChatRequest<'a>, DecodeError> {
    let mut object = name::camel(Object::parse(body)?)?;
    match name::inner(&mut object, "generateContentRequest")? {
        Some(inner) => request::read_object(inner, address)
            .map_err(|error| error.within("generateContentRequest")),
        None => request::read_object(object, address),
    }
}

/// Writes the answer: the number of tokens.
pub(crate) fn write_count_tokens(tokens: u64) -> Vec<u8> {
    let mut w = Writer::default();
    w.open().member("totalTokens", &tokens).close();
    w.into_bytes()
}
