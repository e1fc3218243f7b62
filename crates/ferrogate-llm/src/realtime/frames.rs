//! The text messages in a server's WebSocket frames. Source: RFC 6455, section 5.

/// The largest message that is held.
pub(super) const MAX_MESSAGE: usize = 1 << 20;
/// How much of a message is seen before it is decided whether to hold the rest.
pub(super) const START: usize = 256;
/// Where a buffer that was needed once is given back.
const KEPT: usize = 64 << 10;

/// Cuts bytes into messages.
#[derive(Debug, Default)]
pub(super) struct Messages {
    at: At,
    /// The text message under way.
    text: Text,
}

/// The bytes are no frames of a server, or frames that nobody agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

/// A text message.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// All of it, or its beginning.
    pub(super) bytes: &'a [u8],
    /// Its length in bytes.
    pub(super) length: u64,
}

impl Message<'_> {
    pub(super) fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.length
    }
}

#[derive(Debug)]
enum At {
    /// In the head of a frame, of which these bytes are there.
    Head { bytes: [u8; 10], count: usize },
    /// In a payload of which so many bytes are to come.
    Payload { left: u64, frame: Frame },
    /// Behind something that is no frame.
    Lost,
}

impl Default for At {
    fn default() -> Self {
        Self::Head {
            bytes: [0; 10],
            count: 0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    /// The message ends with it.
    last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
    Control,
}

/// A message under way.
#[derive(Debug, Default)]
struct Text {
    /// What its frames are, once one of several was seen.
    open: Option<Open>,
    buffer: Vec<u8>,
    /// Its length so far.
    length: u64,
    /// Only its beginning is held.
    cut: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Binary,
}

impl Messages {
    /// Whether the bytes were no frames at some point.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.at, At::Lost)
    }

    /// Whether all frames so far are complete.
    pub(super) fn is_between_frames(&self) -> bool {
        matches!(self.at, At::Head { count: 0, .. })
    }

    /// Takes the next bytes and hands out the text messages that end in them. `worth_keeping` sees the beginning of a
    /// message and says whether to hold the rest. Fails once, where the bytes stop being frames; nothing is handed out
    /// from there on.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        worth_keeping: impl Fn(&[u8]) -> bool,
        mut hand_out: impl FnMut(Message<'_>),
    ) -> Result<(), Lost> {
        loop {
            match &mut self.at {
                At::Lost => return Ok(()),
                At::Head { bytes: head, count } => {
                    let (Some((&first, rest)), Some(place)) =
                        (bytes.split_first(), head.get_mut(*count))
                    else {
                        return Ok(());
                    };
                    *place = first;
                    *count += 1;
                    bytes = rest;
                    match read_head(head, *count, self.text.open) {
                        Ok(None) => {}
                        Ok(Some((frame, left))) => {
                            self.text.begin(frame);
                            self.at = At::Payload { left, frame };
                        }
                        Err(Lost) => {
                            *self = Self {
                                at: At::Lost,
                                text: Text::default(),
                            };
                            return Err(Lost);
                        }
                    }
                }
                At::Payload { left, frame } => {
                    let available = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    let (part, rest) = bytes.split_at(available);
                    bytes = rest;
                    *left -= available as u64;
                    let (ended, frame) = (*left == 0, *frame);
                    if frame.kind == Kind::Text {
                        let last = ended && frame.last;
                        self.text.take(part, last, &worth_keeping, &mut hand_out);
                    }
                    if !ended {
                        return Ok(());
                    }
                    self.at = At::default();
                }
            }
        }
    }
}

/// Reads the head of a frame: what it is and how long; `None` while it is not complete.
fn read_head(
    head: &[u8; 10],
    count: usize,
    open: Option<Open>,
) -> Result<Option<(Frame, u64)>, Lost> {
    let [first, second, long @ ..] = *head;
    if count < 2 {
        return Ok(None);
    }
    let last = first & 0x80 != 0;
    let kind = match (first & 0x0f, open) {
        (0, Some(Open::Text)) | (1, None) => Kind::Text,
        (0, Some(Open::Binary)) | (2, None) => Kind::Binary,
        (8..=10, _) if last => Kind::Control,
        _ => return Err(Lost),
    };
    // Reserved bits stand for extensions, of which none was agreed on; a server masks nothing.
    if first & 0x70 != 0 || second & 0x80 != 0 {
        return Err(Lost);
    }
    let short = second & 0x7f;
    let (needed, length) = match short {
        126 => (4, u64::from(u16::from_be_bytes([long[0], long[1]]))),
        127 => (10, u64::from_be_bytes(long)),
        _ => (2, u64::from(short)),
    };
    if kind == Kind::Control && short > 125 {
        return Err(Lost);
    }
    if count < needed {
        return Ok(None);
    }
    if length >> 63 != 0 {
        return Err(Lost);
    }
    Ok(Some((Frame { kind, last }, length)))
}

impl Text {
    /// Notes that a frame begins.
    fn begin(&mut self, frame: Frame) {
        self.open = match (frame.kind, frame.last) {
            (Kind::Control, _) => self.open,
            (_, true) => None,
            (Kind::Text, false) => Some(Open::Text),
            (Kind::Binary, false) => Some(Open::Binary),
        };
    }

    fn take(
        &mut self,
        part: &[u8],
        last: bool,
        worth_keeping: impl Fn(&[u8]) -> bool,
        hand_out: &mut impl FnMut(Message<'_>),
    ) {
        let first = self.length == 0;
        self.length += part.len() as u64;
        if last && first && part.len() <= MAX_MESSAGE {
            // The common case, a message in one piece, is not copied.
            hand_out(Message {
                bytes: part,
                length: self.length,
            });
            self.length = 0;
            return;
        }
        if !self.cut {
            self.hold(part, worth_keeping);
        }
        if last {
            hand_out(Message {
                bytes: &self.buffer,
                length: self.length,
            });
            self.buffer.clear();
            self.buffer.shrink_to(KEPT);
            self.length = 0;
            self.cut = false;
        }
    }

    fn hold(&mut self, part: &[u8], worth_keeping: impl Fn(&[u8]) -> bool) {
        let undecided = self.buffer.len() < START;
        let (start, rest) = part.split_at(part.len().min(START.saturating_sub(self.buffer.len())));
        self.buffer.extend_from_slice(start);
        if undecided && self.buffer.len() == START && !worth_keeping(&self.buffer) {
            self.cut = true;
        } else if self.buffer.len() + rest.len() > MAX_MESSAGE {
            self.cut = true;
            self.buffer.truncate(START);
        } else {
            self.buffer.extend_from_slice(rest);
        }
    }
}
