//! Where a run's metrics go, as the command line and the environment say it.
//!
//! Everything that can be wrong with it is found here, before a run begins.

use std::path::PathBuf;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use katydid_core::redact;
use katydid_http::Target;
use katydid_http::request::basic_auth;
use katydid_http::tls::Verify;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::Url;

/// What `OTEL_EXPORTER_OTLP_ENDPOINT` is asked for instead of an address.
const FROM_ENV: &str = "env";
/// How long a collector may take, where nobody says; `OpenTelemetry`'s default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the command line says; each part may be missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Given {
    /// `--otlp-metrics`: an address, or `env`.
    pub otlp_metrics: Option<String>,
    /// `--influx`: an address.
    pub influx: Option<String>,
    /// `--statsd`: a host and a port.
    pub statsd: Option<String>,
    /// `--statsd-prefix`.
    pub statsd_prefix: Option<String>,
    /// `--statsd-tags`.
    pub statsd_tags: bool,
    /// `--push-interval`, in seconds.
    pub push_interval: Option<u64>,
    /// `--push-tags`: `name=value`, with commas between.
    pub push_tags: Option<String>,
}

/// Where a run's metrics go.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) otlp: Option<Otlp>,
    pub(crate) influx: Option<Address>,
    pub(crate) statsd: Option<Statsd>,
    pub(crate) interval: Duration,
    /// What each report is marked with besides.
    pub(crate) tags: Vec<(String, String)>,
}

/// A collector of OTLP.
#[derive(Clone, Debug)]
pub(crate) struct Otlp {
    pub(crate) address: Address,
    pub(crate) gzip: bool,
    /// What the run is described by.
    pub(crate) resource: Vec<(String, String)>,
}

/// Something to post to.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    pub(crate) verify: Verify,
    /// What must not be shown, should the other side repeat it.
    pub(crate) secrets: Vec<String>,
}

/// A `StatsD` server.
#[derive(Clone, Debug)]
pub(crate) struct Statsd {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) prefix: String,
    pub(crate) is_tagged: bool,
}

/// An environment.
type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Where metrics go by what was given and the environment; `None` if nowhere.
    ///
    /// # Errors
    ///
    /// What is wrong, which option or variable it is, and what to do about it.
    pub fn read(
        given: &Given,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        // A variable that is set to nothing counts as not set, as OpenTelemetry has it.
        let env = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        let tags = given.push_tags.as_deref().unwrap_or_default();
        let tags = pairs(tags).map_err(|wrong| {
            format!("--push-tags: {wrong:?} is no name=value; several have commas between them")
        })?;
        let otlp = given.otlp_metrics.as_deref();
        let settings = Self {
            otlp: otlp.map(|given| Otlp::read(given, &env)).transpose()?,
            influx: given
                .influx
                .as_deref()
                .map(|given| influx(given, &env))
                .transpose()?,
            statsd: given
                .statsd
                .as_deref()
                .map(|address| Statsd::read(address, given))
                .transpose()?,
            interval: Duration::from_secs(given.push_interval.unwrap_or(1)),
            tags,
        };
        if settings.interval.is_zero() {
            return Err("--push-interval: a second is the shortest".into());
        }
        let some = settings.otlp.is_some() || settings.influx.is_some();
        Ok((some || settings.statsd.is_some()).then_some(settings))
    }
}

impl Otlp {
    fn read(given: &str, env: Env<'_>) -> Result<Self, String> {
        // What is said of metrics goes before what is said of all signals.
        let either = |end: &str| {
            ["OTEL_EXPORTER_OTLP_METRICS_", "OTEL_EXPORTER_OTLP_"]
                .into_iter()
                .find_map(|start| env(&format!("{start}{end}")).map(|it| (it, start)))
        };
        let (url, source) = if given == FROM_ENV {
            protocol(either("PROTOCOL"))?;
            let (url, start) = either("ENDPOINT").ok_or(
                "--otlp-metrics env: neither OTEL_EXPORTER_OTLP_ENDPOINT nor \
                 OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is set",
            )?;
            let source = format!("{start}ENDPOINT");
            let mut url = parse(&url, &source)?;
            if start == "OTEL_EXPORTER_OTLP_" {
                append(&mut url, "v1/metrics");
            }
            (url, source)
        } else {
            let mut url = parse(given, "--otlp-metrics")?;
            if url.path() == "/" {
                append(&mut url, "v1/metrics");
            }
            (url, "--otlp-metrics".to_owned())
        };
        let mut address = Address::of(url, &source)?;
        let headers = &mut address.headers;
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-protobuf"),
        );
        if let Some((text, start)) = either("HEADERS") {
            let wrong =
                || format!("{start}HEADERS: not all of it is name=value pairs with commas between");
            for (name, value) in pairs(&text).map_err(|_| wrong())? {
                let name: HeaderName = name.to_ascii_lowercase().parse().map_err(|_| wrong())?;
                address
                    .secrets
                    .extend(value.split(' ').map(str::to_owned).chain([value.clone()]));
                let mut value = HeaderValue::from_str(&value).map_err(|_| wrong())?;
                value.set_sensitive(true);
                address.headers.insert(name, value);
            }
        }
        if let Some((text, start)) = either("TIMEOUT") {
            let millis = text.trim().parse().ok().filter(|&millis| millis > 0_u64);
            let millis = millis
                .ok_or_else(|| format!("{start}TIMEOUT: {text:?} is no number of milliseconds"))?;
            address.timeout = Duration::from_millis(millis);
        }
        if let Some((path, start)) = either("CERTIFICATE") {
            let path = PathBuf::from(path);
            if !path.is_file() {
                return Err(format!("{start}CERTIFICATE: there is no such file"));
            }
            address.verify = Verify::CaFile(path);
        }
        let gzip = match either("COMPRESSION") {
            None => false,
            Some((name, start)) => match name.trim() {
                "gzip" => true,
                "none" => false,
                _ => {
                    return Err(format!("{start}COMPRESSION: {name:?} is not gzip or none"));
                }
            },
        };
        if gzip {
            let encoding = HeaderValue::from_static("gzip");
            address.headers.insert(CONTENT_ENCODING, encoding);
        }
        Ok(Self {
            address,
            gzip,
            resource: resource(env)?,
        })
    }
}

/// Refuses what is not sent over HTTP as protobuf.
fn protocol(given: Option<(String, &str)>) -> Result<(), String> {
    match given {
        Some((name, start)) if name.trim() != "http/protobuf" => Err(format!(
            "{start}PROTOCOL is {name:?}, and metrics are sent by http/protobuf only: set it to that, and the \
             endpoint to the collector's address for it (port 4318 by default)"
        )),
        _ => Ok(()),
    }
}

/// What the run is described by, as far as it is known before it begins.
fn resource(env: Env<'_>) -> Result<Vec<(String, String)>, String> {
    let given = env("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let mut all = pairs(&given).map_err(|wrong| {
        format!("OTEL_RESOURCE_ATTRIBUTES: {wrong:?} is no name=value; several have commas between")
    })?;
    if let Some(name) = env("OTEL_SERVICE_NAME") {
        all.retain(|(key, _)| key != "service.name");
        all.push(("service.name".into(), name));
    }
    for (key, value) in [
        ("service.name", "katydid".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
    ] {
        if !all.iter().any(|(known, _)| known == key) {
            all.push((key.into(), value));
        }
    }
    Ok(all)
}

/// The address that lines are written to, of version 1 or 2.
fn influx(given: &str, env: Env<'_>) -> Result<Address, String> {
    let mut url = parse(given, "--influx")?;
    let has = |name: &str| {
        url.query_pairs()
            .any(|(key, value)| key == name && !value.is_empty())
    };
    let (is_first, is_second) = (has("db"), has("bucket"));
    let has_org = has("org") || has("orgID");
    match (url.path(), is_first, is_second) {
        ("/", true, false) => url.set_path("write"),
        ("/", false, true) => url.set_path("api/v2/write"),
        (_, true, false) | (_, false, true) => {}
        _ => {
            return Err(format!(
                "--influx: {} says neither ?db=NAME, for InfluxDB 1, nor ?org=NAME&bucket=NAME, for InfluxDB 2",
                redact::url(given)
            ));
        }
    }
    if is_second && !has_org {
        return Err(format!(
            "--influx: {} names a bucket but no ?org=NAME",
            redact::url(given)
        ));
    }
    // Ours are milliseconds, whatever the address says.
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let query = query.iter().filter(|(key, _)| key != "precision");
    let query: Vec<_> = query.cloned().collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(query)
        .append_pair("precision", "ms");
    let mut address = Address::of(url, "--influx")?;
    address.headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if let Some(token) = env("INFLUX_TOKEN") {
        let token = token.trim();
        address.authorize(&format!("Token {token}"), "INFLUX_TOKEN")?;
        address.secrets.push(token.to_owned());
    } else if let Some(user) = env("INFLUX_USERNAME") {
        let password = env("INFLUX_PASSWORD").unwrap_or_default();
        let value = basic_auth(&user, &password);
        address.headers.insert(AUTHORIZATION, value);
        address.secrets.push(password);
    }
    Ok(address)
}

impl Address {
    /// An address; user and password in it become a header.
    fn of(mut url: Url, source: &str) -> Result<Self, String> {
        let shown = redact::url(url.as_str());
        let mut secrets = redact::secrets_of_url(url.as_str());
        let mut headers = HeaderMap::new();
        if !url.username().is_empty() || url.password().is_some() {
            let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let (user, password) = (
                plain(url.username()),
                plain(url.password().unwrap_or_default()),
            );
            headers.insert(AUTHORIZATION, basic_auth(&user, &password));
            secrets.push(password);
            // What has a host can have its user taken away.
            url.set_username("").ok();
            url.set_password(None).ok();
        }
        let target =
            Target::from_url(&url).map_err(|_| format!("{source}: {shown} cannot be asked"))?;
        Ok(Self {
            target,
            headers,
            timeout: TIMEOUT,
            verify: Verify::System,
            secrets,
        })
    }

    fn authorize(&mut self, value: &str, source: &str) -> Result<(), String> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("{source}: there are characters in it that cannot be sent"))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    /// The address as it may be shown.
    pub(crate) fn shown(&self) -> String {
        redact::url(&self.target.url)
    }
}

impl Statsd {
    fn read(address: &str, given: &Given) -> Result<Self, String> {
        let wrong = || {
            format!("--statsd: {address:?} is not HOST:PORT, such as 127.0.0.1:8125 or [::1]:8125")
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|&port| port > 0);
        let port = port.ok_or_else(wrong)?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_name = !host.is_empty() && !host.contains([':', '/', '[', ' ']);
        let host = bracketed
            .or(is_name.then_some(host))
            .ok_or_else(wrong)?
            .to_owned();
        let prefix = given.statsd_prefix.as_deref().unwrap_or("katydid");
        let prefix = prefix.trim_end_matches('.').to_owned();
        if prefix.contains(|char: char| ":|@#".contains(char) || char.is_whitespace()) {
            return Err(format!(
                "--statsd-prefix: {prefix:?} has a character in it that means something to StatsD (: | @ #)"
            ));
        }
        Ok(Self {
            host,
            port,
            prefix,
            is_tagged: given.statsd_tags,
        })
    }
}

/// An `http` or `https` address.
fn parse(text: &str, source: &str) -> Result<Url, String> {
    let shown = redact::url(text);
    let example = match source {
        "--influx" => "http://127.0.0.1:8086?db=katydid",
        _ => "http://127.0.0.1:4318",
    };
    let url = Url::parse(text.trim())
        .map_err(|why| format!("{source}: {shown:?} is no address ({why}); one is {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!(
            "{source}: {shown:?} begins with neither http:// nor https://; an address is {example}"
        ));
    }
    Ok(url)
}

/// Puts another part at the end of a path.
fn append(url: &mut Url, part: &str) {
    let path = format!("{}/{part}", url.path().trim_end_matches('/'));
    url.set_path(&path);
}

/// Pairs of `name=value` with commas between, the values percent-encoded where they must be (W3C
/// baggage, as `OpenTelemetry` uses it); the error is what is none.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part
                .split_once('=')
                .filter(|(name, _)| !name.trim().is_empty())
                .ok_or_else(|| part.to_owned())?;
            let value = percent_decode_str(value.trim()).decode_utf8_lossy();
            Ok((name.trim().to_owned(), value.into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(given: &Given, env: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        Settings::read(given, |name| {
            let mut found = env.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| (*value).to_owned())
        })
    }

    fn otlp(given: &str, env: &[(&str, &str)]) -> Result<Otlp, String> {
        let given = Given {
            otlp_metrics: Some(given.to_owned()),
            ..Given::default()
        };
        let read = read(&given, env)?;
        Ok(read.unwrap().otlp.unwrap())
    }

    fn influx(given: &str, env: &[(&str, &str)]) -> Result<Address, String> {
        let given = Given {
            influx: Some(given.to_owned()),
            ..Given::default()
        };
        let read = read(&given, env)?;
        Ok(read.unwrap().influx.unwrap())
    }

    #[test]
    fn nothing_given_is_nowhere() {
        let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")];
        assert!(read(&Given::default(), &env).unwrap().is_none());
    }

    #[test]
    fn addresses_of_otlp_are_completed_as_the_specification_says() {
        for (given, env, url) in [
            ("http://c:4318", vec![], "http://c:4318/v1/metrics"),
            ("http://c:4318/", vec![], "http://c:4318/v1/metrics"),
            ("https://c/otlp/push", vec![], "https://c/otlp/push"),
            (
                "env",
                vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/base/")],
                "http://c:4318/base/v1/metrics",
            ),
            (
                "env",
                vec![
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
                    ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m:1/x"),
                ],
                "http://m:1/x",
            ),
        ] {
            assert_eq!(otlp(given, &env).unwrap().address.target.url, url);
        }
    }

    #[test]
    fn headers_timeout_and_resource_come_from_the_environment() {
        let env = [
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "Api-Key=a%20secret, x-team=shop",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_SERVICE_NAME", "checkout"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,env=ci"),
        ];
        let otlp = otlp("http://c", &env).unwrap();
        assert_eq!(otlp.address.headers["api-key"], "a secret");
        assert!(otlp.address.headers["api-key"].is_sensitive());
        assert_eq!(otlp.address.headers["x-team"], "shop");
        assert_eq!(otlp.address.timeout, Duration::from_millis(2_500));
        assert!(otlp.gzip);
        let names: Vec<_> = otlp.resource.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(names, ["env", "service.name", "service.version"]);
        assert_eq!(otlp.resource[1].1, "checkout");
    }

    #[test]
    fn influx_is_of_version_1_or_2() {
        for (given, url) in [
            (
                "http://i:8086?db=load",
                "http://i:8086/write?db=load&precision=ms",
            ),
            (
                "http://i:8086/?org=o&bucket=b%20c",
                "http://i:8086/api/v2/write?org=o&bucket=b+c&precision=ms",
            ),
            (
                "http://i/proxy/write?db=load&precision=s",
                "http://i/proxy/write?db=load&precision=ms",
            ),
        ] {
            assert_eq!(influx(given, &[]).unwrap().target.url, url);
        }
        let address = influx("http://u:pass%20word@i?db=d", &[]).unwrap();
        assert_eq!(address.headers[AUTHORIZATION], basic_auth("u", "pass word"));
        assert!(!address.target.url.contains("pass"));
        let address = influx("http://i?org=o&bucket=b", &[("INFLUX_TOKEN", "t0ken\n")]).unwrap();
        assert_eq!(address.headers[AUTHORIZATION], "Token t0ken");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let statsd = |address: &str| {
            let given = Given {
                statsd: Some(address.to_owned()),
                ..Given::default()
            };
            read(&given, &[]).unwrap_err()
        };
        for (wrong, words) in [
            (otlp("localhost:4318", &[]).unwrap_err(), "--otlp-metrics"),
            (otlp("nonsense", &[]).unwrap_err(), "http://127.0.0.1:4318"),
            (otlp("env", &[]).unwrap_err(), "OTEL_EXPORTER_OTLP_ENDPOINT"),
            (
                otlp("env", &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap_err(),
                "http/protobuf",
            ),
            (
                otlp("http://c", &[("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "10s")]).unwrap_err(),
                "milliseconds",
            ),
            (
                otlp("http://c", &[("OTEL_EXPORTER_OTLP_HEADERS", "key: sesame")]).unwrap_err(),
                "name=value",
            ),
            (influx("http://i:8086", &[]).unwrap_err(), "?db=NAME"),
            (influx("http://i?bucket=b", &[]).unwrap_err(), "?org=NAME"),
            (influx("ftp://i?db=d", &[]).unwrap_err(), "http://"),
            (statsd("127.0.0.1"), "HOST:PORT"),
            (statsd("::1:8125"), "HOST:PORT"),
            (statsd("host:0"), "HOST:PORT"),
        ] {
            assert!(wrong.contains(words), "{wrong}");
            assert!(!wrong.contains("sesame"), "{wrong}");
        }
        let wrong = influx("http://u:sesame@i", &[]).unwrap_err();
        assert!(!wrong.contains("sesame"), "{wrong}");
    }

    #[test]
    fn hosts_of_statsd_may_be_addresses_of_version_6() {
        let given = Given {
            statsd: Some("[::1]:8125".into()),
            ..Given::default()
        };
        let statsd = read(&given, &[]).unwrap().unwrap().statsd.unwrap();
        assert_eq!((statsd.host.as_str(), statsd.port), ("::1", 8125));
    }

    proptest! {
        #[test]
        fn any_words_are_read_without_harm(one in ".{0,40}", two in "[ -~]{0,40}") {
            let given = Given {
                otlp_metrics: Some(one.clone()),
                influx: Some(two.clone()),
                statsd: Some(one),
                push_tags: Some(two.clone()),
                ..Given::default()
            };
            let _ = Settings::read(&given, |_| Some(two.clone()));
        }
    }
}
