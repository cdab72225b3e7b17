//! Routes for trying out a client: echoes, delays, redirects, encodings.

use std::borrow::Cow;
use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Form, Quota, QuotaEnd};
use super::chance::{self, MIXES};
use super::fault::Fault;
use super::request::{Request, decode, fields};
use super::routes::{Params, Site};

/// The longest body that is made on demand, in bytes.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The longest delay that is made on demand.
const MAX_DELAY: Duration = Duration::from_secs(600);
/// Bodies of `/bytes/{n}` up to this size are not copied.
static FILLER: [u8; 65_536] = [b'x'; 65_536];

fn refused(message: &str) -> Answer {
    Answer::error(StatusCode::BAD_REQUEST, message)
}

/// A status in the query that is fit for an answer.
fn status_field(request: &Request<'_>, otherwise: StatusCode) -> StatusCode {
    final_status(request.number("status", 0)).unwrap_or(otherwise)
}

fn final_status(code: u16) -> Option<StatusCode> {
    let status = StatusCode::from_u16(code).ok()?;
    (200..600).contains(&code).then_some(status)
}

/// Milliseconds with their fraction, as a query field gives them.
fn millis_field(request: &Request<'_>, name: &str, otherwise: f64) -> Duration {
    let seconds = request.number(name, otherwise) / 1000.0;
    Duration::try_from_secs_f64(seconds)
        .unwrap_or_default()
        .min(MAX_DELAY)
}

/// `/echo`
pub(crate) fn echo(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        let value = text(value);
        match headers.get_mut(&name.to_lowercase()) {
            Some(Value::String(sum)) => {
                sum.push_str(", ");
                sum.push_str(&value);
            }
            _ => {
                headers.insert(name.to_lowercase(), value.into());
            }
        }
    }
    let raw: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| [(*name).to_owned(), text(value)])
        .collect();
    let base64 = std::str::from_utf8(&request.body)
        .is_err()
        .then(|| BASE64.encode(&request.body));
    Answer::json(&json!({
        "method": request.method_text,
        "path": request.path(),
        "query": request.query(),
        "version": if request.modern { "1.1" } else { "1.0" },
        "headers": headers,
        "raw_headers": raw,
        "body": text(&request.body),
        "body_base64": base64,
        "body_length": request.body.len(),
    }))
}

/// `/status/{code}`
pub(crate) fn status(_: &Request<'_>, params: &Params<'_>, _: &Site) -> Answer {
    match params[0].parse().ok().and_then(final_status) {
        Some(status) => {
            let reason = status.canonical_reason().unwrap_or("unknown");
            let answer = Answer::text(format!("{} {reason}\n", status.as_u16())).status(status);
            if answer.bodyless() {
                Answer {
                    body: Cow::Borrowed(b""),
                    ..answer
                }
            } else {
                answer
            }
        }
        None => refused("the status must be 200 to 599"),
    }
}

/// `/bytes/{n}`
pub(crate) fn bytes(_: &Request<'_>, params: &Params<'_>, _: &Site) -> Answer {
    match params[0].parse() {
        Ok(count) if count <= FILLER.len() => {
            Answer::typed("application/octet-stream", &FILLER[..count])
        }
        Ok(count) if count <= MAX_BYTES => {
            Answer::typed("application/octet-stream", vec![b'x'; count])
        }
        _ => refused("at most 67108864 bytes"),
    }
}

/// `/latency`
pub(crate) fn latency(request: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    let Some(name) = request.field("mix") else {
        let delay = millis_field(request, "ms", 0.0);
        return Answer::text("in time\n").delayed(delay);
    };
    let Some(index) = MIXES.iter().position(|mix| mix.0 == name) else {
        return refused("no such mix");
    };
    let draw = site.mixes[index].per_mille();
    Answer::text("in time\n").delayed(chance::latency(MIXES[index].1, draw))
}

/// `/slow-body`
pub(crate) fn slow_body(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    let size = request.number("bytes", 100usize).clamp(1, FILLER.len());
    let count = request.number("chunks", 5usize).min(MAX_BYTES / size);
    let pause = millis_field(request, "ms", 100.0);
    Answer::typed("application/octet-stream", vec![b'x'; size * count])
        .form(Form::Chunked { size, pause })
}

/// `/chunked`
pub(crate) fn chunked(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    let count = request.number("chunks", 3u32).min(10_000);
    let mut body = Vec::new();
    for number in 1..=count {
        let _ = writeln!(body, "chunk {number:05}");
    }
    let size = "chunk 00000\n".len();
    Answer::typed("text/plain; charset=utf-8", body).form(Form::Chunked {
        size,
        pause: Duration::ZERO,
    })
}

/// `/close-delimited`
pub(crate) fn close_delimited(_: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    Answer::text("the end of the connection ends this body\n").form(Form::UntilClose)
}

/// `/drop-after/{n}`
pub(crate) fn drop_after(request: &Request<'_>, params: &Params<'_>, _: &Site) -> Answer {
    let Ok(after) = params[0].parse() else {
        return refused("the number of answers is missing");
    };
    let end = match request.field("when").as_deref() {
        Some("next") => QuotaEnd::NextRequest,
        _ => QuotaEnd::Idle(millis_field(request, "ms", 0.0)),
    };
    Answer::text("still here\n").form(Form::Dropping(Quota { after, end }))
}

/// `/broken/{kind}`
pub(crate) fn broken(_: &Request<'_>, params: &Params<'_>, _: &Site) -> Answer {
    match Fault::named(params[0]) {
        Some(fault) => Answer::text("").form(Form::Broken(fault)),
        None => Answer::error(StatusCode::NOT_FOUND, "no such fault"),
    }
}

/// `/redirect/{n}`
pub(crate) fn redirect(request: &Request<'_>, params: &Params<'_>, site: &Site) -> Answer {
    let Ok(hops @ 1..=1000) = params[0].parse::<u32>() else {
        return refused("1 to 1000 hops");
    };
    let status = status_field(request, StatusCode::FOUND);
    let scheme = if site.tls { "https" } else { "http" };
    let host = request.header("host").unwrap_or("localhost");
    let next = match hops - 1 {
        0 => "/echo?from=redirect".to_owned(),
        left if request.query().is_empty() => format!("/redirect/{left}"),
        left => format!("/redirect/{left}?{}", request.query()),
    };
    Answer::redirect(status, format!("{scheme}://{host}{next}"))
}

/// `/redirect-to`
pub(crate) fn redirect_to(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    match request.field("url") {
        Some(url) => Answer::redirect(status_field(request, StatusCode::FOUND), url),
        None => refused("url is missing"),
    }
}

/// `/relative-redirect`
pub(crate) fn relative_redirect(_: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    Answer::redirect(StatusCode::FOUND, "echo?from=relative".into())
}

/// `/redirect-loop`
pub(crate) fn redirect_loop(_: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    Answer::redirect(StatusCode::FOUND, "/redirect-loop".into())
}

/// `/cookies`
pub(crate) fn cookies(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    let cookies: Map<String, Value> = request
        .cookies()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    Answer::json(&json!({ "cookies": cookies }))
}

/// `/cookies/set`
pub(crate) fn set_cookies(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    bake(request, "Path=/")
}

/// `/cookies/delete`
pub(crate) fn delete_cookies(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    bake(request, "Path=/; Max-Age=0")
}

/// Sets each query field as a cookie and sends the client to look at them.
fn bake(request: &Request<'_>, attributes: &str) -> Answer {
    let to = Answer::redirect(StatusCode::FOUND, "/cookies".into());
    fields(request.query()).fold(to, |answer, (name, value)| {
        answer.header("set-cookie", format!("{name}={value}; {attributes}"))
    })
}

/// `/basic-auth/{user}/{pass}`
pub(crate) fn basic_auth(request: &Request<'_>, params: &Params<'_>, _: &Site) -> Answer {
    let wanted = format!("{}:{}", decode(params[0]), decode(params[1]));
    let given = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|code| BASE64.decode(code).ok());
    if given.as_deref() == Some(wanted.as_bytes()) {
        return Answer::json(&json!({ "authenticated": true, "user": decode(params[0]) }));
    }
    Answer::error(StatusCode::UNAUTHORIZED, "wrong user or password")
        .header("www-authenticate", "Basic realm=\"katydid\"")
}

/// The same body in every content encoding, compressed once.
pub(crate) struct Compressed {
    gzip: Vec<u8>,
    deflate: Vec<u8>,
    brotli: Vec<u8>,
    zstd: Vec<u8>,
}

impl Compressed {
    /// Compresses the body.
    pub(crate) fn new() -> Self {
        const WRITES: &str = "writing to memory cannot fail";
        let body = json!({ "compressed": true, "text": "katydid ".repeat(200) }).to_string();
        let body = body.as_bytes();
        let level = flate2::Compression::default();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(body).expect(WRITES);
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), level);
        deflate.write_all(body).expect(WRITES);
        let mut brotli = Vec::new();
        brotli::BrotliCompress(
            &mut &*body,
            &mut brotli,
            &brotli::enc::BrotliEncoderParams::default(),
        )
        .expect(WRITES);
        Self {
            gzip: gzip.finish().expect(WRITES),
            deflate: deflate.finish().expect(WRITES),
            brotli,
            zstd: zstd::encode_all(body, 3).expect(WRITES),
        }
    }
}

fn encoded(name: &'static str, body: &[u8]) -> Answer {
    Answer::typed("application/json", body.to_vec()).header("content-encoding", name)
}

/// `/gzip`
pub(crate) fn gzip(_: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    encoded("gzip", &site.compressed.gzip)
}

/// `/deflate`
pub(crate) fn deflate(_: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    encoded("deflate", &site.compressed.deflate)
}

/// `/br`
pub(crate) fn brotli(_: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    encoded("br", &site.compressed.brotli)
}

/// `/zstd`
pub(crate) fn zstd(_: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    encoded("zstd", &site.compressed.zstd)
}
