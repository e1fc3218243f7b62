//! The content of a file, piece by piece.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;

/// Bytes read at once.
pub const PIECE: usize = 64 << 10;

/// What is to be sent of a file: ranges of it, and text between them where there are several.
#[derive(Debug)]
pub struct FileBody {
    file: Arc<File>,
    parts: VecDeque<Part>,
}

/// A part of a body.
#[derive(Debug)]
pub(crate) enum Part {
    /// Text of ours, or what was read already.
    Text(Bytes),
    /// Bytes of the file.
    Range {
        /// Where the next piece begins.
        at: u64,
        /// How many bytes are left.
        left: u64,
    },
}

impl FileBody {
    pub(crate) fn new(file: Arc<File>, parts: VecDeque<Part>) -> Self {
        Self { file, parts }
    }

    /// The next piece, at most [`PIECE`] bytes of the file; `None` after the last. It is read on a thread for blocking work.
    ///
    /// # Errors
    ///
    /// Those of reading; `UnexpectedEof` when the file became shorter since its length was told.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let Some(part) = self.parts.front_mut() else {
                return Ok(None);
            };
            let (at, left) = match part {
                Part::Text(text) => {
                    let text = std::mem::take(text);
                    self.parts.pop_front();
                    if text.is_empty() {
                        continue;
                    }
                    return Ok(Some(text));
                }
                Part::Range { left: 0, .. } => {
                    self.parts.pop_front();
                    continue;
                }
                Part::Range { at, left } => (at, left),
            };
            let size = usize::try_from(*left).unwrap_or(PIECE).min(PIECE);
            let (file, from) = (Arc::clone(&self.file), *at);
            let piece = tokio::task::spawn_blocking(move || read_at(&file, from, size))
                .await
                .map_err(io::Error::other)??;
            *at += piece.len() as u64;
            *left -= piece.len() as u64;
            return Ok(Some(piece));
        }
    }
}

/// Reads up to `size` bytes; an end of the file before the first of them is an error.
pub(crate) fn read_at(file: &File, at: u64, size: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; size];
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if filled == 0 && size > 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the file has become shorter",
        ));
    }
    piece.truncate(filled);
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[tokio::test]
    async fn parts_come_in_order_and_a_shrunken_file_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..=255_u8).cycle().take(PIECE + 100).collect();
        file.write_all(&content).unwrap();
        let file = Arc::new(file);
        let length = content.len() as u64;
        let parts = VecDeque::from([
            Part::Text(Bytes::from_static(b"<")),
            Part::Range {
                at: 0,
                left: length,
            },
            Part::Text(Bytes::new()),
            Part::Range { at: 5, left: 3 },
        ]);
        let mut body = FileBody::new(Arc::clone(&file), parts);
        let mut sent = Vec::new();
        while let Some(piece) = body.next().await.unwrap() {
            assert!(piece.len() <= PIECE);
            sent.extend_from_slice(&piece);
        }
        let expected = [b"<", &content[..], &content[5..8]].concat();
        assert_eq!(sent, expected);

        let parts = VecDeque::from([Part::Range {
            at: length,
            left: 1,
        }]);
        let cut = FileBody::new(file, parts).next().await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }
}
