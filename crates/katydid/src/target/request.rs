//! Reads HTTP/1 requests out of the bytes of a connection.
//!
//! [`parse`] is given everything that has arrived and not been answered; it
//! either finds one whole request, body included, at the front, or says what
//! is missing. It does no input or output itself.

use std::borrow::Cow;

use http::StatusCode;

/// The longest head that is accepted, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The longest body that is accepted, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// The largest number of header lines that is accepted.
const MAX_HEADERS: usize = 100;

/// A request method, as the ground truth counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    /// Any other word.
    Other,
}

impl Method {
    fn named(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }

    /// The method's name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other => "OTHER",
        }
    }
}

/// One whole request; it borrows the connection's bytes.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// The method as sent.
    pub(crate) method_text: &'a str,
    /// Path and query as sent.
    pub(crate) target: &'a str,
    /// HTTP/1.1 rather than 1.0.
    pub(crate) modern: bool,
    /// The client allows the connection to stay open.
    pub(crate) keep_alive: bool,
    pub(crate) headers: Vec<(&'a str, &'a [u8])>,
    pub(crate) body: Cow<'a, [u8]>,
    /// Bytes of the connection that this request took.
    pub(crate) length: usize,
}

impl<'a> Request<'a> {
    /// The target up to the question mark.
    pub(crate) fn path(&self) -> &'a str {
        let origin = self.origin_form();
        origin.split_once('?').map_or(origin, |(path, _)| path)
    }

    /// The target after the question mark, "" when there is none.
    pub(crate) fn query(&self) -> &'a str {
        self.origin_form()
            .split_once('?')
            .map_or("", |(_, query)| query)
    }

    /// The decoded value of the first query field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        fields(self.query())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// A query field as a number, or what stands in for it when it is missing
    /// or no number.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str, otherwise: T) -> T {
        self.field(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(otherwise)
    }

    /// The first header of this name (any case) that is text.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Cookies as name and value, in the order sent.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case("cookie"))
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
    }

    /// A proxy's clients send the whole URL as target: only path and query
    /// count.
    fn origin_form(&self) -> &'a str {
        if self.target.starts_with('/') {
            return self.target;
        }
        let after_scheme = self.target.split_once("://").map_or("", |(_, rest)| rest);
        after_scheme
            .find('/')
            .map_or("/", |slash| &after_scheme[slash..])
    }
}

/// Fields of a query or form, decoded.
pub(crate) fn fields(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

/// Undoes percent encoding and `+` for blanks; what is no such code stays.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(code)) => {
                plain.push(code);
                at += 2;
            }
            (b'+', _) => plain.push(b' '),
            (byte, _) => plain.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// What [`parse`] found.
#[derive(Debug)]
pub(crate) enum Parsed<'a> {
    /// One request, whole.
    Whole(Request<'a>),
    /// More bytes are needed; the head may ask for a `100 Continue` first.
    Partial { expects_continue: bool },
    /// No HTTP request, or one that is too large: the status to answer with.
    Bad(StatusCode),
}

/// How a request's body ends.
enum Framing {
    Length(usize),
    Chunked,
}

/// Looks for one request at the front of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut storage);
    let head_length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() <= MAX_HEAD => {
            return Parsed::Partial {
                expects_continue: false,
            };
        }
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Parsed::Bad(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        Err(_) => return Parsed::Bad(StatusCode::BAD_REQUEST),
    };
    let modern = head.version == Some(1);
    let mut keep_alive = modern;
    let mut framing = Framing::Length(0);
    let mut expects_continue = false;
    for header in head.headers.iter() {
        let value = header.value.trim_ascii();
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok());
            match (length, &framing) {
                (None, _) => return Parsed::Bad(StatusCode::BAD_REQUEST),
                (Some(length), _) if length > MAX_BODY => {
                    return Parsed::Bad(StatusCode::PAYLOAD_TOO_LARGE);
                }
                (Some(length), Framing::Length(_)) => framing = Framing::Length(length),
                (Some(_), Framing::Chunked) => {}
            }
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Parsed::Bad(StatusCode::NOT_IMPLEMENTED);
            }
            framing = Framing::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") {
            if value.eq_ignore_ascii_case(b"close") {
                keep_alive = false;
            } else if value.eq_ignore_ascii_case(b"keep-alive") {
                keep_alive = true;
            }
        } else if header.name.eq_ignore_ascii_case("expect") {
            expects_continue = value.eq_ignore_ascii_case(b"100-continue");
        }
    }
    let rest = &bytes[head_length..];
    let (body, body_length) = match framing {
        Framing::Length(length) => match rest.get(..length) {
            Some(body) => (Cow::Borrowed(body), length),
            None => return Parsed::Partial { expects_continue },
        },
        Framing::Chunked => match unchunk(rest) {
            Ok(Some((body, length))) => (Cow::Owned(body), length),
            Ok(None) => return Parsed::Partial { expects_continue },
            Err(status) => return Parsed::Bad(status),
        },
    };
    let method_text = head.method.unwrap_or_default();
    Parsed::Whole(Request {
        method: Method::named(method_text),
        method_text,
        target: head.path.unwrap_or("/"),
        modern,
        keep_alive,
        headers: head
            .headers
            .iter()
            .map(|header| (header.name, header.value))
            .collect(),
        body,
        length: head_length + body_length,
    })
}

/// The body that chunks carry and the bytes they took; `None` while the last
/// one has not come.
///
/// Bytes are copied only once all are there, so that asking again with each
/// new packet stays cheap.
fn unchunk(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, StatusCode> {
    let mut at = 0;
    let mut chunks = Vec::new();
    let mut total = 0;
    loop {
        let rest = &bytes[at..];
        let (line, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete((line, size))) => (line, size),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(StatusCode::BAD_REQUEST),
        };
        let size = usize::try_from(size).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        total += size.min(MAX_BODY + 1);
        if total > MAX_BODY {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        at += line;
        if size == 0 {
            break;
        }
        let Some(chunk) = bytes.get(at..at + size + 2) else {
            return Ok(None);
        };
        if !chunk.ends_with(b"\r\n") {
            return Err(StatusCode::BAD_REQUEST);
        }
        chunks.push(&chunk[..size]);
        at += size + 2;
    }
    // Trailers, then an empty line.
    loop {
        let Some(line) = bytes[at..].windows(2).position(|pair| pair == b"\r\n") else {
            return Ok(None);
        };
        at += line + 2;
        if line == 0 {
            return Ok(Some((chunks.concat(), at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(bytes: &[u8]) -> Request<'_> {
        match parse(bytes) {
            Parsed::Whole(request) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plain_request_is_taken_apart() {
        let request = whole(
            b"GET /items?page=2&q=a%20b+c HTTP/1.1\r\nHost: x\r\nCookie: a=1; b=2\r\n\r\nGET",
        );
        assert_eq!(request.method, Method::Get);
        assert_eq!(request.path(), "/items");
        assert_eq!(request.field("q").as_deref(), Some("a b c"));
        assert_eq!(request.number("page", 1), 2);
        assert_eq!(request.header("HOST"), Some("x"));
        assert_eq!(
            request.cookies().collect::<Vec<_>>(),
            [("a", "1"), ("b", "2")]
        );
        assert!(request.keep_alive);
        assert_eq!(request.length, 67);
    }

    #[test]
    fn a_body_is_waited_for() {
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nab";
        assert!(matches!(
            parse(bytes),
            Parsed::Partial {
                expects_continue: true
            }
        ));
        let bytes = b"POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcdef";
        let request = whole(bytes);
        assert_eq!(&*request.body, b"abcd");
        assert!(!request.keep_alive && !request.modern);
    }

    #[test]
    fn chunks_are_joined_and_trailers_skipped() {
        let bytes = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\nGET";
        let request = whole(bytes);
        assert_eq!(&*request.body, b"abcde");
        assert_eq!(request.length, bytes.len() - 3);
        for end in 50..bytes.len() - 3 {
            assert!(
                matches!(parse(&bytes[..end]), Parsed::Partial { .. }),
                "{end}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(
            parse(b"\x16\x03\x01"),
            Parsed::Bad(StatusCode::BAD_REQUEST)
        ));
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n";
        assert!(matches!(
            parse(bytes),
            Parsed::Bad(StatusCode::PAYLOAD_TOO_LARGE)
        ));
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n";
        assert!(matches!(parse(bytes), Parsed::Bad(StatusCode::BAD_REQUEST)));
    }

    #[test]
    fn a_whole_url_as_target_counts_as_its_path() {
        let request = whole(b"GET http://shop/item/1?x HTTP/1.1\r\n\r\n");
        assert_eq!((request.path(), request.query()), ("/item/1", "x"));
    }

    #[test]
    fn percent_codes_that_are_none_stay() {
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%41"), "%zzA");
        assert_eq!(decode("%C3%BC"), "ü");
    }

    /// Bytes that look like a request often enough to get far.
    fn requests() -> impl Strategy<Value = Vec<u8>> {
        let parts = prop::sample::select(vec![
            &b"GET / HTTP/1.1\r\n"[..],
            b"POST /a?b=%41&c HTTP/1.0\r\n",
            b"Content-Length: 5\r\n",
            b"Content-Length: 18446744073709551615\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Expect: 100-continue\r\n",
            b"Cookie: a=1; b\r\n",
            b"\r\n",
            b"5\r\nabcde\r\n",
            b"ffffffffffffffff\r\n",
            b"0\r\n\r\n",
        ]);
        let part = prop_oneof![
            4 => parts.prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..20),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_none(bytes in requests()) {
            if let Parsed::Whole(request) = parse(&bytes) {
                prop_assert!(request.length <= bytes.len());
                prop_assert!(!request.path().contains('?'));
                let _ = (request.field("b"), request.cookies().count());
            }
        }

        #[test]
        fn any_text_can_be_decoded(text in ".*") {
            decode(&text);
        }
    }
}
