//! Puts errors together that differ only in numbers, ids, addresses and quoted parts.

/// Bytes of an error's text that are looked at.
const MOST: usize = 1_000;
/// Letters of a word with digits in it from which on it is taken for an id.
const LONG: usize = 8;

/// Kinds of failures, see [`kind`].
pub const KINDS: [&str; 9] = [
    "http 5xx",
    "http 4xx",
    "timeout",
    "connect",
    "dns",
    "tls",
    "reset",
    "check",
    "exception",
];

/// What kind of failure a text tells of, in the words of the page.
pub fn kind(text: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["CatchResponseError", "AssertionError"]) || text.starts_with("check: ") {
        "check"
    } else if let Some(class) = status_class(text) {
        if class == b'4' {
            "http 4xx"
        } else {
            "http 5xx"
        }
    } else if has(&["gaierror", "NameResolution", "Name or service not known"]) {
        "dns"
    } else if has(&["SSLError", "SSLCert", "CertificateError", "TLS handshake"]) {
        "tls"
    } else if has(&["Timeout", "timed out"]) {
        "timeout"
    } else if has(&[
        "ConnectionReset",
        "RemoteDisconnected",
        "ConnectionAborted",
        "IncompleteRead",
        "BrokenPipe",
        "Connection reset",
        "remote end closed",
        "cut short",
        "BadStatusLine",
    ]) {
        "reset"
    } else if has(&[
        "ConnectionRefused",
        "ConnectionError",
        "Connection refused",
        "ProxyError",
    ]) {
        "connect"
    } else {
        "exception"
    }
}

/// The first digit of a status that a text tells of: of requests, of Locust's fast client, or of our own users.
fn status_class(text: &str) -> Option<u8> {
    let digit = |rest: &str| rest.bytes().next().filter(|digit| b"45".contains(digit));
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 3 && matches!(text.as_bytes().get(3), None | Some(b' ')) {
        return digit(text);
    }
    let rest = text
        .strip_prefix("HTTPError('")
        .or_else(|| text.strip_prefix("HTTPError(\""))
        .or_else(|| text.split_once("BadStatusCode(code=").map(|(_, rest)| rest))?;
    digit(rest)
}

/// The text with `<n>`, `<id>`, `<addr>`, `<url>` and `<text>` where others like it differ.
///
/// What an exception's `repr` quotes is its message, and stays; so does the number it begins with.
pub fn pattern(text: &str) -> String {
    let mut end = text.len().min(MOST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let (head, body) = split_repr(text);
    let mut out = String::with_capacity(text.len());
    out.push_str(head);
    // The number that tells statuses and system errors apart.
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let known = if (1..=3).contains(&digits) && !head.is_empty() {
        digits
    } else {
        0
    };
    out.push_str(&body[..known]);
    let mut rest = &body[known..];
    let mut before = out.chars().next_back().unwrap_or(' ');
    while let Some(first) = rest.chars().next() {
        let (taken, shown) = token(first, rest, before);
        match shown {
            Some(shown) => out.push_str(shown),
            None => out.push_str(&rest[..taken]),
        }
        before = rest[..taken].chars().next_back().unwrap_or(' ');
        rest = &rest[taken..];
    }
    out
}

/// The class of a `repr` with the bracket and quote before its message, and the rest.
fn split_repr(text: &str) -> (&str, &str) {
    let class = text.find(|char: char| !(char.is_alphanumeric() || "_.".contains(char)));
    let Some(at) = class.filter(|&at| at > 0 && text[at..].starts_with('(')) else {
        return ("", text);
    };
    let mut end = at + 1;
    let rest = &text[end..];
    if rest.starts_with("code=") {
        end += "code=".len();
    } else if rest.starts_with(['\'', '"']) {
        end += 1;
    }
    text.split_at(end)
}

/// How much of the text belongs together, and what is shown for it if not itself.
fn token(first: char, rest: &str, before: char) -> (usize, Option<&'static str>) {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    if is_quote(first) && !is_word(before) {
        // Only with an end before other words is it a quotation.
        let inside = &rest[first.len_utf8()..];
        if let Some(length) = inside.find(first) {
            let end = first.len_utf8() + length + first.len_utf8();
            let closes = rest[end..].chars().next().is_none_or(|next| !is_word(next));
            if closes && length > 0 {
                return (end, Some("<text>"));
            }
        }
        return (first.len_utf8(), None);
    }
    if !is_word(first) {
        return (first.len_utf8(), None);
    }
    let ends = |char: char| !(is_word(char) || "-.:".contains(char));
    let whole = rest.find(ends).unwrap_or(rest.len());
    let run = rest[..whole].trim_end_matches(['-', '.', ':']);
    if rest[run.len()..].starts_with("://") {
        let ends = |char: char| char.is_whitespace() || "\"'<>)],".contains(char);
        return (rest.find(ends).unwrap_or(rest.len()), Some("<url>"));
    }
    if is_address(run) {
        return (run.len(), Some("<addr>"));
    }
    if is_uuid(run) {
        return (run.len(), Some("<id>"));
    }
    if is_number(run) {
        return (run.len(), Some("<n>"));
    }
    let word_end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
    let word = &rest[..word_end];
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if word.starts_with("0x") && word.len() > 2 {
        return (word_end, Some("<addr>"));
    }
    if digits == 0 {
        return (word_end, None);
    }
    if digits == word.len() {
        return (word_end, Some("<n>"));
    }
    if word.len() >= LONG && (digits > 1 || word.chars().all(|char| char.is_ascii_hexdigit())) {
        return (word_end, Some("<id>"));
    }
    // A short word with a number, such as item42: the word stays.
    if first.is_ascii_digit() {
        let end = word.find(|char: char| !char.is_ascii_digit());
        return (end.unwrap_or(word_end), Some("<n>"));
    }
    let end = word.find(|char: char| char.is_ascii_digit());
    (end.unwrap_or(word_end), None)
}

fn is_quote(char: char) -> bool {
    char == '\'' || char == '"' || char == '`'
}

/// An IPv4 address, perhaps with a port.
fn is_address(run: &str) -> bool {
    let host = run.split(':').next().unwrap_or_default();
    let parts: Vec<_> = host.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok())
}

fn is_uuid(run: &str) -> bool {
    let lengths: Vec<_> = run.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && run
            .chars()
            .all(|char| char.is_ascii_hexdigit() || char == '-')
}

/// Digits, perhaps with points, colons or dashes between them: a number, a date, a time.
fn is_number(run: &str) -> bool {
    run.starts_with(|char: char| char.is_ascii_digit())
        && run
            .chars()
            .all(|char| char.is_ascii_digit() || ".:-".contains(char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_tell_the_same_have_one_pattern() {
        let cases = [
            (
                "CatchResponseError('expected 3 got 17')",
                "CatchResponseError('expected <n> got <n>')",
            ),
            (
                "CatchResponseError(\"no 'blue hat' in cart 8127\")",
                "CatchResponseError(\"no <text> in cart <n>\")",
            ),
            (
                "HTTPError('503 Server Error: Busy for url: /item/42')",
                "HTTPError('503 Server Error: Busy for url: /item/<n>')",
            ),
            (
                "LocustBadStatusCode(code=404)",
                "LocustBadStatusCode(code=404)",
            ),
            (
                "ConnectionRefusedError(111, 'Connection refused')",
                "ConnectionRefusedError(111, <text>)",
            ),
            (
                "ValueError('order 1f0c9a9e-23b1-4d5e-8f66-0123456789ab is lost')",
                "ValueError('order <id> is lost')",
            ),
            (
                "<Order object at 0x7f12ab> took 1.25 s at 10:02:11",
                "<Order object at <addr>> took <n> s at <n>",
            ),
            (
                "no route to 10.0.0.7:8080 from 10.0.0.8",
                "no route to <addr> from <addr>",
            ),
            ("see https://a.test/x?y=1 (item42)", "see <url> (item<n>)"),
            (
                "can't do it, session a81bc81bdead4e5d gone",
                "can't do it, session <id> gone",
            ),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(pattern(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_is_cut_between_letters() {
        let text = "ü".repeat(MOST);
        assert!(pattern(&text).len() <= MOST);
    }

    #[test]
    fn kinds() {
        let cases = [
            ("503 Service Unavailable", "http 5xx"),
            ("check: no list", "check"),
            ("4040 things", "exception"),
            (
                "HTTPError('404 Client Error: Not Found for url: /x')",
                "http 4xx",
            ),
            ("LocustBadStatusCode(code=502)", "http 5xx"),
            (
                "ConnectionRefusedError(111, 'Connection refused')",
                "connect",
            ),
            ("gaierror(-2, 'Name or service not known')", "dns"),
            ("ReadTimeout(ReadTimeoutError(\"...\"))", "timeout"),
            ("TimeoutError('timed out')", "timeout"),
            (
                "RemoteDisconnected('Remote end closed connection without response')",
                "reset",
            ),
            ("SSLError('certificate verify failed')", "tls"),
            ("CatchResponseError('got 503')", "check"),
            ("KeyError('a')", "exception"),
        ];
        for (text, expected) in cases {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
