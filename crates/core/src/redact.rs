//! Hides secrets in what people are shown of requests.
//!
//! It errs on the side of hiding: what stands behind a name that sounds like a secret is not shown.

/// What stands in place of a secret.
pub const HIDDEN: &str = "***";

/// Parts of names that secrets go by.
const PARTS: [&str; 21] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "access-key",
    "accesskey",
    "private_key",
    "authorization",
    "authentication",
    "cookie",
    "credential",
    "signature",
    "session",
    "csrf",
    "jwt",
];
/// Whole names that secrets go by.
const NAMES: [&str; 8] = ["auth", "sid", "sig", "pass", "pin", "otp", "key", "x-auth"];

/// Whether what goes by a name is to be hidden.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part))
}

/// A header's value as it may be shown.
pub fn header(name: &str, value: &str) -> String {
    if is_secret(name) || name.to_ascii_lowercase().contains("auth") {
        return HIDDEN.to_owned();
    }
    text(value)
}

/// A URL without the user and password before its host, without the values of secret fields in its
/// query, and without its fragment.
pub fn url(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    let mut out = without_user(path);
    if let Some(query) = query {
        out.push('?');
        let fields: Vec<_> = query.split('&').map(field).collect();
        out.push_str(&fields.join("&"));
    }
    out
}

fn field(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        _ => text(pair),
    }
}

/// What is secret in a URL: its user and password, and the values of secret fields of its query.
pub fn secrets_of_url(url: &str) -> Vec<String> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let host = path.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let user = host.rsplit_once('@').map_or("", |(user, _)| user);
    let fields = query.split('&').filter_map(|pair| pair.split_once('='));
    let fields = fields.filter(|(name, _)| is_secret(name));
    let parts = user.split(':').chain(fields.map(|(_, value)| value));
    parts.map(str::to_owned).collect()
}

/// What is secret in a header: its value, and the parts of it.
pub fn secrets_of_header(name: &str, value: &str) -> Vec<String> {
    if header(name, "") != HIDDEN {
        return Vec::new();
    }
    let parts = value.split([' ', ';', '=', ',']);
    std::iter::once(value)
        .chain(parts)
        .map(str::to_owned)
        .collect()
}

/// The text without strings that are known to be secret, wherever they stand.
pub fn without(text: &str, secrets: &[String]) -> String {
    /// Shorter ones are parts of too many other words.
    const SHORTEST: usize = 5;
    let long = secrets.iter().filter(|secret| secret.len() >= SHORTEST);
    long.fold(text.to_owned(), |text, secret| {
        text.replace(secret.as_str(), HIDDEN)
    })
}

/// The text with the users of its URLs hidden.
fn without_user(text: &str) -> String {
    const MARK: &str = "://";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, after) = rest.split_at(at + MARK.len());
        out.push_str(before);
        let ends = |char: char| char.is_whitespace() || "/?#\"'<>".contains(char);
        let host = after.find(ends).unwrap_or(after.len());
        rest = match after[..host].rfind('@') {
            Some(user) => {
                out.push_str(HIDDEN);
                &after[user..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

/// A text (a body, a message) with what stands behind secret names, schemes of authentication and
/// the users of URLs hidden; JSON, forms, HTML fields and header lines are known.
pub fn text(text: &str) -> String {
    let text = without_user(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_word) {
        let (before, word_on) = rest.split_at(start);
        out.push_str(before);
        let end = word_on.find(|char| !is_word(char)).unwrap_or(word_on.len());
        let (word, after) = word_on.split_at(end);
        rest = after;
        if is_web_token(word, after) {
            out.push_str(HIDDEN);
            rest = after.trim_start_matches(|char| is_word(char) || char == '.');
            continue;
        }
        out.push_str(word);
        let lower = word.to_ascii_lowercase();
        let hides = if lower == "bearer" || lower == "basic" {
            scheme(after)
        } else if is_secret(word) {
            value(after)
        } else {
            None
        };
        if let Some((from, to)) = hides {
            out.push_str(&after[..from]);
            out.push_str(HIDDEN);
            rest = &after[to..];
        }
    }
    out.push_str(rest);
    out
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '-'
}

/// A JSON web token: three parts of which the first begins like encoded JSON.
fn is_web_token(word: &str, after: &str) -> bool {
    word.starts_with("eyJ") && (word.len() >= 40 || word.len() >= 10 && after.starts_with('.'))
}

/// Where the credentials behind a scheme of authentication begin and end.
fn scheme(after: &str) -> Option<(usize, usize)> {
    let token = after.strip_prefix(' ')?;
    let ends = |char: char| !(is_word(char) || "./+=~".contains(char));
    let length = token.find(ends).unwrap_or(token.len());
    (length >= 8).then_some((1, 1 + length))
}

/// Where the value behind a secret name begins and ends, if there is one.
fn value(after: &str) -> Option<(usize, usize)> {
    let closed = after.trim_start_matches(['"', '\'', '\\', ']']);
    let spaced = closed.trim_start();
    let is_closed = closed.len() < after.len();
    // A pair in a list: what follows is the value only if both are quoted.
    let paired = spaced
        .strip_prefix(',')
        .filter(|rest| is_closed && rest.trim_start().starts_with(['"', '\'', '\\']));
    // A field of an HTML form has its value in an attribute of its own.
    let assigned = ["value=", "%3D", "="]
        .iter()
        .find_map(|sign| spaced.strip_prefix(sign));
    let (separated, is_line) = match paired.or(assigned) {
        Some(rest) => (rest, false),
        None => (spaced.strip_prefix(':')?, true),
    };
    let begun = separated.trim_start_matches([' ', '\t', '\\']);
    let from = after.len() - begun.len();
    if let Some(quote) = begun.chars().next().filter(|char| "\"'".contains(*char)) {
        let inside = &begun[1..];
        let length = closing(inside, quote);
        return Some((from + 1, from + 1 + length));
    }
    let ends: fn(char) -> bool = if is_line {
        |char| "\r\n\"'<>}],".contains(char)
    } else {
        |char| char.is_whitespace() || "\"'&;<>(){}[],".contains(char)
    };
    let length = begun.find(ends).unwrap_or(begun.len());
    (length > 0).then_some((from, from + length))
}

/// Where a quoted value ends: at the next quote that is not escaped, or with the text.
fn closing(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in inside.char_indices() {
        match char {
            '\\' => escaped = !escaped,
            char if char == quote && !escaped => return at,
            _ => escaped = false,
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_users_secret_fields_and_fragments() {
        assert_eq!(
            url("https://ann:pw1234@shop.test/a?token=abc&page=2&apiKey=x#y"),
            "https://***@shop.test/a?token=***&page=2&apiKey=***"
        );
        assert_eq!(url("/plain?q=1"), "/plain?q=1");
        assert_eq!(url("http://a@b@c/"), "http://***@c/");
    }

    #[test]
    fn headers_that_prove_who_asks_are_hidden() {
        for name in [
            "Authorization",
            "Cookie",
            "Set-Cookie",
            "X-Auth-User",
            "X-API-Key",
            "X-CSRF-Token",
        ] {
            assert_eq!(header(name, "abc"), HIDDEN, "{name}");
        }
        assert_eq!(header("Content-Type", "text/html"), "text/html");
        assert_eq!(
            header("Location", "http://u:p@h/?sid=5"),
            "http://***@h/?sid=***"
        );
    }

    #[test]
    fn what_a_request_proved_itself_with_is_hidden_wherever_it_comes_back() {
        let mut secrets = secrets_of_url("https://ann:hunter1@a.test/x?token=hunter2&page=12345");
        secrets.extend(secrets_of_header("Cookie", "visit=hunter3; a=b"));
        secrets.extend(secrets_of_header("Authorization", "Bearer hunter4"));
        secrets.extend(secrets_of_header("Accept", "text/html"));
        let body = "hunter1 hunter2 hunter3 hunter4 12345 text/html";
        assert_eq!(without(body, &secrets), "*** *** *** *** 12345 text/html");
    }

    #[test]
    fn bodies_lose_what_stands_behind_secret_names() {
        let cases = [
            (
                r#"{"access_token": "a\"b", "items": 3}"#,
                r#"{"access_token": "***", "items": 3}"#,
            ),
            (r#"{\"password\":\"hunter2\"}"#, r#"{\"password\":\"***"#),
            ("user=ann&password=hunter2&x=1", "user=ann&password=***&x=1"),
            (
                "Authorization: Bearer abc.def\nHost: a",
                "Authorization: ***\nHost: a",
            ),
            ("sent Bearer abcdefghij to", "sent Bearer *** to"),
            (
                r#"<input name="csrf_token" value="v1">"#,
                r#"<input name="csrf_token" value="***">"#,
            ),
            ("got eyJhbGciOiJIUzI1.eyJzdWIi.abc-_d here", "got *** here"),
            (
                r#"[["Cookie","visit=hunter2"],["Accept", "*/*"]]"#,
                r#"[["Cookie","***"],["Accept", "*/*"]]"#,
            ),
            (r#"[\"Api-Key\",\"hunter2\"]"#, r#"[\"Api-Key\",\"***"#),
            ("token, 'x'", "token, 'x'"),
            ("no token here, only words", "no token here, only words"),
            ("the author: Tolstoy", "the author: Tolstoy"),
            ("at ftp://u:p@h/x it", "at ftp://***@h/x it"),
            ("secret=", "secret="),
        ];
        for (body, shown) in cases {
            let found = text(body);
            assert!(found.starts_with(shown), "{body}: {found}");
            assert!(!found.contains("hunter2"), "{found}");
        }
    }
}
