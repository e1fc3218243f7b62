//! Redis' protocol, version 2. Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>, read 2026-11.

use bytes::{Buf, BufMut, BytesMut};

/// What Redis answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Nothing,
    Status(String),
    /// A word in capitals, and what it means.
    Error(String),
    Integer(i64),
    Text(String),
    List(Vec<Reply>),
}

/// Why bytes are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what it answers is not Redis' protocol")]
pub(super) struct Malformed;

/// The longest text. Ours are names and numbers.
const MAX_TEXT: usize = 1 << 20;
/// The longest line.
const MAX_LINE: usize = 64 << 10;
/// The most entries of a list.
const MAX_LIST: usize = 65_536;
/// Lists in lists.
const MAX_DEPTH: u32 = 4;

/// Writes a command.
pub(super) fn write_command(out: &mut BytesMut, arguments: &[&[u8]]) {
    out.put_slice(format!("*{}\r\n", arguments.len()).as_bytes());
    for argument in arguments {
        out.put_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.put_slice(argument);
        out.put_slice(b"\r\n");
    }
}

/// Takes a reply off the front of what was read; nothing when it is not all there yet.
pub(super) fn take_reply(read: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
    let mut rest = &read[..];
    let Some(reply) = parse(&mut rest, MAX_DEPTH)? else {
        return Ok(None);
    };
    let taken = read.len() - rest.len();
    read.advance(taken);
    Ok(Some(reply))
}

fn parse(rest: &mut &[u8], depth: u32) -> Result<Option<Reply>, Malformed> {
    let Some(line) = take_line(rest)? else {
        return Ok(None);
    };
    let (kind, text) = line.split_first().ok_or(Malformed)?;
    Ok(Some(match kind {
        b'+' => Reply::Status(String::from_utf8_lossy(text).into_owned()),
        b'-' => Reply::Error(String::from_utf8_lossy(text).into_owned()),
        b':' => Reply::Integer(number(text)?),
        b'$' => match length(text, MAX_TEXT)? {
            None => Reply::Nothing,
            Some(length) => {
                let Some((text, end)) = rest.split_at_checked(length) else {
                    return Ok(None);
                };
                let Some((end, after)) = end.split_at_checked(2) else {
                    return Ok(None);
                };
                if end != b"\r\n" {
                    return Err(Malformed);
                }
                *rest = after;
                Reply::Text(String::from_utf8_lossy(text).into_owned())
            }
        },
        b'*' => match length(text, MAX_LIST)? {
            None => Reply::Nothing,
            Some(length) => {
                let depth = depth.checked_sub(1).ok_or(Malformed)?;
                let mut list = Vec::new();
                for _ in 0..length {
                    match parse(rest, depth)? {
                        Some(reply) => list.push(reply),
                        None => return Ok(None),
                    }
                }
                Reply::List(list)
            }
        },
        _ => return Err(Malformed),
    }))
}

fn take_line<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let Some(end) = rest.iter().take(MAX_LINE).position(|&byte| byte == b'\n') else {
        return if rest.len() >= MAX_LINE {
            Err(Malformed)
        } else {
            Ok(None)
        };
    };
    let (line, after) = rest.split_at_checked(end + 1).ok_or(Malformed)?;
    *rest = after;
    line.strip_suffix(b"\r\n").map(Some).ok_or(Malformed)
}

fn number(text: &[u8]) -> Result<i64, Malformed> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(Malformed)
}

/// A length; none for -1, which stands for nothing.
fn length(text: &[u8], most: usize) -> Result<Option<usize>, Malformed> {
    match number(text)? {
        -1 => Ok(None),
        length => usize::try_from(length)
            .ok()
            .filter(|length| *length <= most)
            .map(Some)
            .ok_or(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Reply>, Malformed> {
        take_reply(&mut BytesMut::from(bytes))
    }

    #[test]
    fn reads_every_kind_however_it_is_split() {
        let text = |text: &str| Reply::Text(text.to_owned());
        for (bytes, expected) in [
            (&b"+OK\r\n"[..], Reply::Status("OK".to_owned())),
            (b"-ERR no\r\n", Reply::Error("ERR no".to_owned())),
            (b":-7\r\n", Reply::Integer(-7)),
            (b"$-1\r\n", Reply::Nothing),
            (b"*-1\r\n", Reply::Nothing),
            (b"$4\r\na\r\nb\r\n", text("a\r\nb")),
            (
                b"*3\r\n:1\r\n*1\r\n$0\r\n\r\n$-1\r\n",
                Reply::List(vec![
                    Reply::Integer(1),
                    Reply::List(vec![text("")]),
                    Reply::Nothing,
                ]),
            ),
        ] {
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Ok(None), "{bytes:?} to {end}");
            }
            assert_eq!(read(bytes), Ok(Some(expected)));
        }
    }

    #[test]
    fn leaves_what_comes_after() {
        let mut read = BytesMut::from(&b":1\r\n:2\r\n"[..]);
        assert_eq!(take_reply(&mut read), Ok(Some(Reply::Integer(1))));
        assert_eq!(take_reply(&mut read), Ok(Some(Reply::Integer(2))));
        assert_eq!(take_reply(&mut read), Ok(None));
    }

    #[test]
    fn refuses_what_is_no_reply() {
        let endless = vec![b'x'; MAX_LINE];
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"\r\n",
            b"+OK\n",
            b":x\r\n",
            b"$-2\r\n",
            b"$1\r\nab\r\n",
            b"$99999999999\r\n",
            b"*99999999\r\n",
            b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
            &endless,
        ] {
            assert_eq!(read(bytes), Err(Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn writes_commands() {
        let mut out = BytesMut::new();
        write_command(&mut out, &[b"SET", b"k", b"a\r\nb"]);
        assert_eq!(&out[..], b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n");
    }
}
