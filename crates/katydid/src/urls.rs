//! Load without a test: a URL is enough.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use katydid_core::dispatch::Class;
use katydid_core::redact;
use katydid_http::timing::Stamp;
use katydid_http::{Request, Target, Timeouts};
use url::Url;

use crate::engine::{Base, Control, Ending, Kind, Lane, Life};
use crate::request::REDIRECTS;
use crate::response::Response;
use crate::session::Context;
use crate::target::request::decode;
use crate::test::Build;
use crate::timespan;
use crate::user::{Arrivals, TIMEOUT};

/// What the users of a load without a test are called.
const NAME: &str = "URL";

/// Requests for some URLs, each by its weight.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    places: Vec<Place>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    timeout: Duration,
    pub(crate) follows: bool,
}

/// What is asked for.
#[derive(Clone, Debug)]
struct Place {
    weight: u32,
    target: Arc<Target>,
    /// What its requests are counted under: path and query, secrets hidden.
    name: String,
    /// The user and password that its URL had, as they are sent.
    login: Option<HeaderValue>,
}

impl Place {
    fn parse(word: &str) -> Result<Self, String> {
        if let Some((scheme, _)) = word.split_once("://")
            && !["http", "https"].contains(&&*scheme.to_ascii_lowercase())
        {
            return Err(format!(
                "Only http:// and https:// URLs can be asked for, and no {scheme}:// ones"
            ));
        }
        let target = Target::parse(word).map_err(|error| error.chain())?;
        Ok(Self {
            weight: 1,
            name: redact::url(&target.path.to_string()),
            login: login(word),
            target: Arc::new(target),
        })
    }

    /// The headers of its requests: those of all, with its login unless they have one.
    fn headers(&self, all: &Arc<HeaderMap>) -> Arc<HeaderMap> {
        let mut headers = Arc::clone(all);
        if let Some(login) = self.login.as_ref()
            && !all.contains_key(AUTHORIZATION)
        {
            Arc::make_mut(&mut headers).insert(AUTHORIZATION, login.clone());
        }
        headers
    }
}

/// What the user and the password in a URL are sent as.
fn login(url: &str) -> Option<HeaderValue> {
    let url = Url::parse(url).ok()?;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    // Only in forms is a plus sign a blank.
    let plain = |text: &str| decode(&text.replace('+', "%2B"));
    let (user, password) = (url.username(), url.password().unwrap_or_default());
    let both = BASE64.encode(format!("{}:{}", plain(user), plain(password)));
    let mut value = HeaderValue::from_str(&format!("Basic {both}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Urls {
    /// URLs, each with its weight behind it if that is not 1: `http://a/ 3 http://b/`.
    ///
    /// # Errors
    ///
    /// In words, if that is not what they are.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut places: Vec<Place> = Vec::new();
        for word in words {
            if let Ok(weight) = word.parse() {
                let before = places
                    .last_mut()
                    .ok_or("a weight stands behind its URL: http://a/ 3 http://b/ 1")?;
                before.weight = weight;
                continue;
            }
            places.push(Place::parse(word)?);
        }
        if places.iter().all(|place| place.weight == 0) {
            return Err("at least one URL needs a weight above zero".to_owned());
        }
        Ok(Self {
            places,
            method: Method::GET,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: TIMEOUT,
            follows: false,
        })
    }

    /// The method; without one it is POST for what has a body.
    pub(crate) fn ask(&mut self, method: Option<&str>, body: Option<Bytes>) -> Result<(), String> {
        let usual = if body.is_some() { "POST" } else { "GET" };
        let method = method.unwrap_or(usual);
        self.method = method
            .parse()
            .map_err(|_| format!("{method:?} is no method"))?;
        self.body = body.unwrap_or_default();
        Ok(())
    }

    /// Headers as curl takes them: `Name: value`.
    pub(crate) fn header(&mut self, line: &str) -> Result<(), String> {
        let wrong = || format!("{line:?} is no header; write it as in 'Accept: text/html'");
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        let value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
        self.headers.append(name, value);
        Ok(())
    }

    /// How long an answer may take: a length of time, or seconds with a fraction.
    pub(crate) fn wait(&mut self, text: &str) -> Result<(), String> {
        let seconds = || {
            let number = text.strip_suffix('s').unwrap_or(text);
            let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b'.';
            let number = number.bytes().all(is_digit).then_some(number)?;
            Duration::try_from_secs_f64(number.parse().ok()?).ok()
        };
        let time = timespan::parse(text).or_else(seconds);
        self.timeout = time.filter(|time| !time.is_zero()).ok_or_else(|| {
            format!(
                "--timeout: {text:?} is not a length of time above zero; write 0.5, 20, 20s, 3m or 1h20m"
            )
        })?;
        Ok(())
    }

    /// Where they go, if all go to one place.
    pub(crate) fn host(&self) -> Option<String> {
        let mut origins = self.places.iter().map(|place| &place.target.origin);
        let first = origins.next()?;
        let root = self.places[0].target.with_path("/")?.url;
        let host = root.trim_end_matches('/').to_owned();
        origins.all(|origin| origin == first).then_some(host)
    }

    /// What it is called in the list of runs.
    pub(crate) fn title(&self) -> String {
        let first = redact::url(&self.places[0].target.url);
        match self.places.len() {
            1 => first,
            count => format!("{first} and {} more", count - 1),
        }
    }
}

impl Build for Urls {
    fn choose_by_tags(&mut self, _: &[String], _: &[String]) {}

    fn equal_weights(&mut self) {
        for place in &mut self.places {
            place.weight = 1;
        }
    }

    fn name(&self) -> &str {
        NAME
    }

    fn build(self: Box<Self>) -> Arc<dyn Kind> {
        Arc::new(*self)
    }

    fn collect_tags(&self, _: &mut BTreeSet<String>) {}
}

impl Kind for Urls {
    fn class(&self) -> Class {
        Class {
            name: NAME.to_owned(),
            weight: 1.0,
            fixed_count: 0,
        }
    }

    fn about(&self) -> katydid_web::UserClass {
        let task = |place: &Place| katydid_web::Task {
            name: format!("{} {}", self.method, place.name),
            weight: place.weight.into(),
        };
        katydid_web::UserClass {
            name: NAME.to_owned(),
            weight: 1.0,
            fixed_count: 0,
            host: self.host(),
            tasks: self.places.iter().map(task).collect(),
        }
    }

    fn host(&self) -> Option<&str> {
        None
    }

    fn problem(&self) -> Option<String> {
        None
    }

    fn arrivals(&self) -> Option<&Arrivals> {
        None
    }

    fn live(self: Arc<Self>, lane: Rc<Lane>, control: Rc<Control>) -> Life {
        Box::pin(async move {
            control.until_ended(self.repeat(&lane, &control)).await;
        })
    }
}

impl Urls {
    /// Asks for the URLs again and again.
    async fn repeat(&self, lane: &Rc<Lane>, control: &Rc<Control>) {
        let mut headers = HeaderMap::new();
        for name in ["user-agent", "accept"] {
            if let Some(value) = lane.headers.get(name) {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
        }
        for name in self.headers.keys() {
            headers.remove(name);
        }
        headers.extend(self.headers.clone());
        let headers = Arc::new(headers);
        let headers_of: Vec<_> = self
            .places
            .iter()
            .map(|place| place.headers(&headers))
            .collect();
        let base = Base::new(None, headers, self.timeout);
        let user = Context::new(Rc::clone(lane), Rc::clone(control), Rc::new(base));
        let total: u64 = self
            .places
            .iter()
            .map(|place| u64::from(place.weight))
            .sum();
        let method = self.method.as_str();
        let key_of = |place: &Place| lane.key(method, &place.name);
        let keys: Vec<_> = self.places.iter().map(key_of).collect();
        let client = user.client();
        let pool = lane.pool_of(control.class);
        loop {
            let begun = match &pool {
                None => lane.take_iteration().map(|turn| (Stamp::now(), turn)),
                Some(pool) => pool.next(lane, control).await,
            };
            let Some((due, turn)) = begun else { return };
            let _ending = pool.as_ref().map(|pool| Ending::new(pool, lane));
            if pool.is_none() {
                lane.iteration_begins(due);
            }
            let place = if self.places.len() == 1 {
                0
            } else {
                self.choose(lane, total)
            };
            let request = Request {
                method: self.method.clone(),
                target: Arc::clone(&self.places[place].target),
                headers: Arc::clone(&headers_of[place]),
                body: self.body.clone(),
                upload: None,
                stream: false,
                retries: 0,
                redirects: self.follows.then_some(REDIRECTS),
                timeouts: Timeouts::default(),
                decode: false,
                due,
            };
            let exchange = lane.send(&client, control, request, self.timeout).await;
            let answered = exchange.timing.done;
            drop(Response::new(Rc::clone(lane), keys[place], exchange));
            lane.iteration_ends(answered);
            drop(turn);
            control.wait(Duration::ZERO).await;
            if control.phase() > crate::engine::Phase::Running {
                return;
            }
            tokio::task::coop::consume_budget().await;
        }
    }

    fn choose(&self, lane: &Lane, total: u64) -> usize {
        let mut number = lane.rng.borrow_mut().u64(0..total.max(1));
        for (at, place) in self.places.iter().enumerate() {
            match number.checked_sub(place.weight.into()) {
                Some(rest) => number = rest,
                None => return at,
            }
        }
        0
    }
}

/// Whether a command line is one of a URL and no script: its first word that is no option is a URL.
pub fn is_url_mode(arguments: &[String]) -> bool {
    let is_url = |word: &String| word.starts_with("http://") || word.starts_with("https://");
    // An option's value, such as that of --host, may be a URL too.
    let takes_none = |word: &String| !word.starts_with('-');
    let mut before: Option<&String> = None;
    for word in arguments {
        if is_url(word) && before.is_none_or(|before| takes_none(before) || is_flag(before)) {
            return true;
        }
        before = Some(word);
    }
    false
}

/// Whether a word is an option that takes no value.
fn is_flag(word: &str) -> bool {
    use crate::options::{Kind as Values, OPTIONS};
    const OURS: [&str; 4] = ["--http1", "-k", "--insecure", "--location"];
    OURS.contains(&word)
        || OPTIONS.iter().any(|option| {
            matches!(option.kind, Values::Flag | Values::GoneFlag)
                && option
                    .flags
                    .iter()
                    .chain(option.aliases)
                    .any(|flag| *flag == word)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn urls_and_their_weights_are_told_from_options() {
        for yes in [
            "http://a/",
            "-u 5 http://a/",
            "--headless http://a/ -t 3",
            "http://a/ 3 http://b/",
        ] {
            assert!(is_url_mode(&words(yes)), "{yes}");
        }
        for no in [
            "-f a.py",
            "-f a.py -H http://a/",
            "--host http://a/ -u 5",
            "--host=http://a/",
            "target",
        ] {
            assert!(!is_url_mode(&words(no)), "{no}");
        }
    }

    #[test]
    fn a_weight_stands_behind_its_url() {
        let urls = Urls::parse(&words("http://a/x 3 http://b/ 1 http://c/")).unwrap();
        let weights: Vec<_> = urls.places.iter().map(|place| place.weight).collect();
        assert_eq!(weights, [3, 1, 1]);
        assert_eq!(urls.host(), None);
        assert_eq!(
            Urls::parse(&words("http://a/x")).unwrap().host().as_deref(),
            Some("http://a")
        );
        for wrong in ["3 http://a/", "http://a/ 0", "ftp://a/", "http://"] {
            assert!(Urls::parse(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
