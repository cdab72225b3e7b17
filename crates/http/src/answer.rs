//! Reads an answer of HTTP/1 from its bytes, in whatever pieces they come.
//!
//! It is what the lean exchange reads with; a body is put together whole. Nothing here touches a socket.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use crate::error::Error;

/// Fields of a head that are read: hyper's own limit.
const MOST_FIELDS: usize = 100;
/// The longest head that is read, in bytes: about hyper's own limit.
const LONGEST_HEAD: usize = 400 * 1024;
/// The longest line that tells the size of a chunk, or is a trailer.
const LONGEST_LINE: usize = 16 * 1024;

/// An answer as far as it has come.
pub(crate) struct Reader {
    /// Whether its request had a method whose answers have no body.
    is_head: bool,
    /// The longest body that is kept.
    limit: u64,
    /// Bytes that are not done with; empty as long as an answer comes in one piece.
    left: BytesMut,
    stage: Stage,
}

enum Stage {
    Head,
    Length(Head, u64),
    Chunks(Head, Chunks),
    UntilClosed(Head),
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    /// The reason phrase, if it is not the usual one.
    pub(crate) reason: Option<String>,
    pub(crate) headers: HeaderMap,
    /// Whether the connection can be used again.
    pub(crate) is_kept: bool,
}

/// An answer that is complete.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    /// Whether the end of the connection was its end.
    pub(crate) ended_by_close: bool,
}

/// A body in chunks, as far as it has come.
#[derive(Default)]
struct Chunks {
    body: BytesMut,
    stage: ChunkStage,
}

#[derive(Clone, Copy, Default)]
enum ChunkStage {
    #[default]
    Size,
    Data(u64),
    /// The line's end behind the data.
    DataEnd,
    Trailer,
    Done,
}

impl Reader {
    pub(crate) fn new(method: &Method, limit: u64) -> Self {
        Self {
            is_head: *method == Method::HEAD,
            limit,
            left: BytesMut::new(),
            stage: Stage::Head,
        }
    }

    /// Bytes of the body that have come, for those who tell of its loss.
    pub(crate) fn received(&self) -> u64 {
        let body = match &self.stage {
            Stage::Head => 0,
            Stage::Chunks(_, chunks) => chunks.body.len(),
            Stage::Length(..) | Stage::UntilClosed(_) => self.left.len(),
        };
        body as u64
    }

    /// Takes in what has arrived; the answer, once it is complete.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Error> {
        if self.left.is_empty() {
            // The usual way: everything is there, and is copied once.
            let used = match &self.stage {
                Stage::Head => return self.begin(bytes),
                _ => 0,
            };
            self.left.extend_from_slice(&bytes[used..]);
        } else {
            self.left.extend_from_slice(bytes);
        }
        if matches!(self.stage, Stage::Head) {
            let bytes = std::mem::take(&mut self.left);
            return self.begin(&bytes);
        }
        self.go_on()
    }

    /// The connection was closed; the answer, if that is its end.
    pub(crate) fn close(&mut self) -> Result<Answer, Error> {
        let received = self.received();
        match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::UntilClosed(mut head) => {
                head.is_kept = false;
                Ok(Answer {
                    head,
                    body: std::mem::take(&mut self.left).freeze(),
                    ended_by_close: true,
                })
            }
            Stage::Head if self.left.is_empty() => Err(Error::Closed),
            _ => Err(Error::Truncated { received }),
        }
    }

    /// Reads the head, and what there is behind it.
    fn begin(&mut self, bytes: &[u8]) -> Result<Option<Answer>, Error> {
        let mut from = 0;
        let (head, framing, length) = loop {
            match parse(&bytes[from..], self.is_head)? {
                None => {
                    if bytes.len() - from > LONGEST_HEAD {
                        return Err(nonsense("its head does not end"));
                    }
                    self.left = BytesMut::from(&bytes[from..]);
                    return Ok(None);
                }
                // What comes before the answer itself, such as 103.
                Some((head, _, length))
                    if head.status.is_informational()
                        && head.status != StatusCode::SWITCHING_PROTOCOLS =>
                {
                    from += length;
                }
                Some(parsed) => break parsed,
            }
        };
        let rest = &bytes[from + length..];
        match framing {
            Framing::Length(length) => {
                if length > self.limit {
                    return Err(Error::TooLarge { limit: self.limit });
                }
                let whole = usize::try_from(length).unwrap_or(usize::MAX);
                if let Some(body) = rest.get(..whole) {
                    let mut head = head;
                    // Bytes that nobody asked for.
                    head.is_kept &= rest.len() == whole;
                    return Ok(Some(Answer {
                        head,
                        body: Bytes::copy_from_slice(body),
                        ended_by_close: false,
                    }));
                }
                self.left.reserve(whole);
                self.left.extend_from_slice(rest);
                self.stage = Stage::Length(head, length);
                Ok(None)
            }
            Framing::Chunks => {
                self.left.extend_from_slice(rest);
                self.stage = Stage::Chunks(head, Chunks::default());
                self.go_on()
            }
            Framing::UntilClosed => {
                self.left.extend_from_slice(rest);
                self.stage = Stage::UntilClosed(head);
                self.go_on()
            }
        }
    }

    /// Reads on in a body.
    fn go_on(&mut self) -> Result<Option<Answer>, Error> {
        let limit = self.limit;
        let too_large = Err(Error::TooLarge { limit });
        let is_done = match &mut self.stage {
            Stage::Length(_, length) => self.left.len() as u64 >= *length,
            Stage::UntilClosed(_) if self.left.len() as u64 > limit => return too_large,
            Stage::Head | Stage::UntilClosed(_) => false,
            Stage::Chunks(_, chunks) => {
                chunks.take(&mut self.left)?;
                if chunks.body.len() as u64 > limit {
                    return too_large;
                }
                matches!(chunks.stage, ChunkStage::Done)
            }
        };
        if !is_done {
            return Ok(None);
        }
        let mut left = std::mem::take(&mut self.left);
        let (mut head, body) = match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Length(head, length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let body = left.split_to(length.min(left.len()));
                (head, body)
            }
            Stage::Chunks(head, chunks) => (head, chunks.body),
            Stage::Head | Stage::UntilClosed(_) => return Ok(None),
        };
        // Bytes that nobody asked for.
        head.is_kept &= left.is_empty();
        Ok(Some(Answer {
            head,
            body: body.freeze(),
            ended_by_close: false,
        }))
    }
}

impl Chunks {
    /// Takes as much as it can use off the front.
    fn take(&mut self, bytes: &mut BytesMut) -> Result<(), Error> {
        loop {
            match self.stage {
                ChunkStage::Size => {
                    let Some(line) = line(bytes)? else {
                        return Ok(());
                    };
                    self.stage = match size(&line)? {
                        0 => ChunkStage::Trailer,
                        size => ChunkStage::Data(size),
                    };
                }
                ChunkStage::Data(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    self.body.extend_from_slice(&bytes.split_to(here));
                    match left - here as u64 {
                        0 => self.stage = ChunkStage::DataEnd,
                        left => {
                            self.stage = ChunkStage::Data(left);
                            return Ok(());
                        }
                    }
                }
                ChunkStage::DataEnd => {
                    let Some(line) = line(bytes)? else {
                        return Ok(());
                    };
                    if !line.is_empty() {
                        return Err(nonsense("a chunk is longer than its size"));
                    }
                    self.stage = ChunkStage::Size;
                }
                ChunkStage::Trailer => {
                    let Some(line) = line(bytes)? else {
                        return Ok(());
                    };
                    if line.is_empty() {
                        self.stage = ChunkStage::Done;
                    }
                }
                ChunkStage::Done => return Ok(()),
            }
        }
    }
}

/// A line without its end, taken off the front.
fn line(bytes: &mut BytesMut) -> Result<Option<BytesMut>, Error> {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        if bytes.len() > LONGEST_LINE {
            return Err(nonsense("a line of a chunk does not end"));
        }
        return Ok(None);
    };
    let mut line = bytes.split_to(end + 1);
    line.truncate(end);
    if line.last() == Some(&b'\r') {
        line.truncate(end - 1);
    }
    Ok(Some(line))
}

/// The size of a chunk, in hexadecimal digits before anything else.
fn size(line: &[u8]) -> Result<u64, Error> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let digits = digits.count();
    let is_end = |byte: &u8| matches!(byte, b';' | b' ' | b'\t');
    let text = std::str::from_utf8(&line[..digits]).unwrap_or_default();
    match (u64::from_str_radix(text, 16), line.get(digits)) {
        (Ok(size), after) if after.is_none_or(is_end) => Ok(size),
        _ => Err(nonsense("the size of a chunk is no number")),
    }
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunks,
    UntilClosed,
}

/// The head at the front of some bytes, how its body ends, and the head's length; none if more is needed.
fn parse(bytes: &[u8], is_head: bool) -> Result<Option<(Head, Framing, usize)>, Error> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let read = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields)
        .map_err(|error| nonsense(&error.to_string()))?;
    let httparse::Status::Complete(length) = read else {
        return Ok(None);
    };
    let status = StatusCode::from_u16(parsed.code.unwrap_or(0))
        .map_err(|_| nonsense("the status is no number"))?;
    let is_new = parsed.version == Some(1);
    // One copy for all values.
    let shared = Bytes::copy_from_slice(&bytes[..length]);
    let start = bytes.as_ptr().addr();
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    let mut is_kept = is_new;
    let (mut content_length, mut is_chunked, mut is_encoded) = (None, false, false);
    for field in parsed.headers.iter() {
        let value = trimmed(field.value);
        let name = field.name;
        if name.eq_ignore_ascii_case("connection") {
            for word in value.split(|byte| *byte == b',') {
                let word = word.trim_ascii();
                if word.eq_ignore_ascii_case(b"close") {
                    is_kept = false;
                } else if word.eq_ignore_ascii_case(b"keep-alive") && !is_new {
                    is_kept = true;
                }
            }
        } else if name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(value).ok();
            let length = length.filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
            let length: u64 = length
                .and_then(|it| it.parse().ok())
                .ok_or_else(|| nonsense("the length is no number"))?;
            if content_length.is_some_and(|known| known != length) {
                return Err(nonsense("two lengths differ"));
            }
            content_length = Some(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_encoded = true;
            let last = value.rsplit(|byte| *byte == b',').next().unwrap_or(value);
            is_chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
        }
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| nonsense("a field has no name"))?;
        let from = value.as_ptr().addr() - start;
        let value = HeaderValue::from_maybe_shared(shared.slice(from..from + value.len()))
            .map_err(|_| nonsense("a field has no value"))?;
        headers.append(name, value);
    }
    let reason = parsed
        .reason
        .filter(|reason| !reason.is_empty() && Some(*reason) != status.canonical_reason());
    let has_none = is_head
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || status.is_informational();
    let framing = match content_length {
        _ if has_none => Framing::Length(0),
        _ if is_chunked => Framing::Chunks,
        Some(length) if !is_encoded => Framing::Length(length),
        _ => Framing::UntilClosed,
    };
    let head = Head {
        status,
        version: if is_new {
            Version::HTTP_11
        } else {
            Version::HTTP_10
        },
        reason: reason.map(str::to_owned),
        headers,
        is_kept: is_kept && status != StatusCode::SWITCHING_PROTOCOLS,
    };
    Ok(Some((head, framing, length)))
}

/// A value without the blanks around it.
fn trimmed(value: &[u8]) -> &[u8] {
    value.trim_ascii()
}

fn nonsense(reason: &str) -> Error {
    Error::Protocol {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// An answer read in pieces of these lengths, the last of which goes on to the end.
    fn read(bytes: &[u8], pieces: &[usize], closes: bool) -> Result<Option<Answer>, Error> {
        let mut reader = Reader::new(&Method::GET, 1 << 20);
        let mut rest = bytes;
        for &piece in pieces {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            rest = later;
            if !now.is_empty()
                && let Some(answer) = reader.take(now)?
            {
                return Ok(Some(answer));
            }
        }
        if !rest.is_empty()
            && let Some(answer) = reader.take(rest)?
        {
            return Ok(Some(answer));
        }
        if closes {
            return reader.close().map(Some);
        }
        Ok(None)
    }

    const ANSWERS: [(&[u8], u16, &[u8], bool); 7] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\r\n\r\nhello", 200, b"hello", true),
        (b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, b"", true),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nT: x\r\n\r\n", 200, b"hello world", true),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end", false),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", true),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", false),
        (b"HTTP/1.0 200 Fine\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi", true),
    ];

    proptest! {
        #[test]
        fn an_answer_is_the_same_however_its_bytes_come(which in 0..ANSWERS.len(), pieces in vec(1_usize..40, 0..12)) {
            let (bytes, status, body, is_kept) = ANSWERS[which];
            let answer = read(bytes, &pieces, true).unwrap().unwrap();
            prop_assert_eq!(answer.head.status.as_u16(), status);
            prop_assert_eq!(&answer.body[..], body);
            prop_assert_eq!(answer.head.is_kept, is_kept);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..300), pieces in vec(1_usize..40, 0..12)) {
            drop(read(&bytes, &pieces, true));
            let mut likely = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            likely.extend_from_slice(&bytes);
            drop(read(&likely, &pieces, true));
            for (answer, ..) in ANSWERS {
                let mut harmed = answer.to_vec();
                for (place, byte) in bytes.iter().enumerate().take(3) {
                    let at = (place * 31 + usize::from(*byte)) % harmed.len();
                    harmed[at] = *byte;
                }
                drop(read(&harmed, &pieces, true));
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_told_from_one_that_is_cut_short() {
        let closed = |bytes: &[u8]| read(bytes, &[], true).unwrap_err();
        assert!(matches!(closed(b""), Error::Closed));
        assert!(matches!(
            closed(b"HTTP/1.1 200 OK\r\nContent-Le"),
            Error::Truncated { received: 0 }
        ));
        assert!(matches!(
            closed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"),
            Error::Truncated { received: 3 }
        ));
        for wrong in [
            &b"SMTP ready\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        ] {
            assert!(matches!(closed(wrong), Error::Protocol { .. }), "{wrong:?}");
        }
        let mut small = Reader::new(&Method::GET, 3);
        let large = small.take(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
        assert!(matches!(large, Err(Error::TooLarge { limit: 3 })));
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let mut reader = Reader::new(&Method::HEAD, 10);
        let answer = reader.take(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
        assert!(answer.unwrap().unwrap().body.is_empty());
    }
}
