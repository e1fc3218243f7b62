//! Files under their names, and places in them.

/// A file of one load, numbered in the order read; the main file is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A range of bytes in the original text of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

/// A place as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// The texts that were read, kept for excerpts in diagnostics.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    text: String,
    /// Offset of the first byte of each line.
    lines: Vec<u32>,
}

impl Span {
    /// A range in `file`; offsets beyond 4 GiB stop there (files are limited to far less).
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Self {
            file,
            start: clamp(start),
            end: clamp(end.max(start)),
        }
    }
}

impl Sources {
    /// Keeps a text under the name that diagnostics show.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let starts = text
            .bytes()
            .enumerate()
            .filter(|&(_, byte)| byte == b'\n')
            .map(|(at, _)| clamp(at + 1));
        let lines = std::iter::once(0).chain(starts).collect();
        let id = FileId(clamp(self.files.len()));
        self.files.push(SourceFile {
            name: name.into(),
            text,
            lines,
        });
        id
    }

    /// The names of all files, the first one's before those it imports.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// The name given to [`Sources::add`].
    pub fn name(&self, file: FileId) -> &str {
        self.file(file).map_or("", |file| &file.name)
    }

    /// The original text of a span.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file)
            .and_then(|file| file.text.get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// The whole original text of a file.
    pub fn text_of(&self, file: FileId) -> &str {
        self.file(file).map_or("", |file| &file.text)
    }

    /// Where a span begins.
    pub fn position(&self, span: Span) -> Position {
        self.locate(span.file, span.start)
    }

    /// Where a span ends: the place after its last character.
    pub fn end_position(&self, span: Span) -> Position {
        self.locate(span.file, span.end)
    }

    /// `FILE:LINE` of a span's beginning.
    pub fn place(&self, span: Span) -> String {
        format!("{}:{}", self.name(span.file), self.position(span).line)
    }

    /// A line without its end, and the offset of its first byte.
    pub fn line(&self, file: FileId, number: usize) -> (&str, usize) {
        let Some(source) = self.file(file) else {
            return ("", 0);
        };
        let start = number
            .checked_sub(1)
            .and_then(|index| source.lines.get(index))
            .copied()
            .unwrap_or(0) as usize;
        let end = source
            .lines
            .get(number)
            .map_or(source.text.len(), |&next| next as usize);
        let text = source.text.get(start..end).unwrap_or_default();
        (text.trim_end_matches(['\n', '\r']), start)
    }

    fn locate(&self, file: FileId, offset: u32) -> Position {
        let Some(source) = self.file(file) else {
            return Position { line: 1, column: 1 };
        };
        let line = source
            .lines
            .partition_point(|&start| start <= offset)
            .max(1);
        let start = source.lines.get(line - 1).copied().unwrap_or(0) as usize;
        let before = source.text.get(start..offset as usize).unwrap_or_default();
        let column = if before.len() > MAX_COUNTED {
            before.len()
        } else {
            before.chars().count()
        };
        Position {
            line,
            column: column + 1,
        }
    }

    fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }
}

/// Beyond this many bytes of one line, columns count bytes: nobody reads such a line, and counting takes time.
const MAX_COUNTED: usize = 64 << 10;

fn clamp(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("f", "é b\n\ncd");
        for (start, line, column) in [
            (0, 1, 1),
            (2, 1, 2),
            (4, 1, 4),
            (5, 2, 1),
            (6, 3, 1),
            (8, 3, 3),
        ] {
            let position = sources.position(Span::new(file, start, start));
            assert_eq!(
                (position.line, position.column),
                (line, column),
                "offset {start}"
            );
        }
        assert_eq!(sources.line(file, 3), ("cd", 6));
        assert_eq!(sources.text(Span::new(file, 0, 2)), "é");
    }
}
