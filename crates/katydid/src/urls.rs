//! Load without a test: a URL is enough.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use katydid_core::dispatch::Class;
use katydid_http::timing::Stamp;
use katydid_http::{Request, Target, Timeouts};

use crate::engine::{Base, Control, Ending, Kind, Lane, Life};
use crate::request::REDIRECTS;
use crate::response::Response;
use crate::session::Context;
use crate::test::Build;
use crate::user::{Arrivals, TIMEOUT};

/// What the users of a load without a test are called.
const NAME: &str = "URL";

/// Requests for some URLs, each by its weight.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    targets: Vec<(u32, Arc<Target>)>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) follows: bool,
}

impl Urls {
    /// URLs, each with its weight behind it if that is not 1: `http://a/ 3 http://b/`.
    ///
    /// # Errors
    ///
    /// In words, if that is not what they are.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let mut targets: Vec<(u32, Arc<Target>)> = Vec::new();
        for word in words {
            if let Ok(weight) = word.parse() {
                let before = targets
                    .last_mut()
                    .ok_or("a weight stands behind its URL: http://a/ 3 http://b/ 1")?;
                before.0 = weight;
                continue;
            }
            let target = Target::parse(word).map_err(|error| error.chain())?;
            targets.push((1, Arc::new(target)));
        }
        if targets.iter().all(|(weight, _)| *weight == 0) {
            return Err("at least one URL needs a weight above zero".to_owned());
        }
        Ok(Self {
            targets,
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

    /// Where they go, if all go to one place.
    pub(crate) fn host(&self) -> Option<String> {
        let mut origins = self.targets.iter().map(|(_, target)| &target.origin);
        let first = origins.next()?;
        let root = self.targets[0].1.with_path("/")?;
        origins.all(|origin| origin == first).then_some(root.url)
    }

    /// What it is called in the list of runs.
    pub(crate) fn title(&self) -> String {
        let first = katydid_core::redact::url(&self.targets[0].1.url);
        match self.targets.len() {
            1 => first,
            count => format!("{first} and {} more", count - 1),
        }
    }
}

impl Build for Urls {
    fn choose_by_tags(&mut self, _: &[String], _: &[String]) {}

    fn equal_weights(&mut self) {
        for (weight, _) in &mut self.targets {
            *weight = 1;
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
        let task = |(weight, target): &(u32, Arc<Target>)| katydid_web::Task {
            name: format!("{} {}", self.method, target.path),
            weight: (*weight).into(),
        };
        katydid_web::UserClass {
            name: NAME.to_owned(),
            weight: 1.0,
            fixed_count: 0,
            host: self.host(),
            tasks: self.targets.iter().map(task).collect(),
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
        let base = Base::new(None, Arc::clone(&headers), self.timeout);
        let user = Context::new(Rc::clone(lane), Rc::clone(control), Rc::new(base));
        let total: u64 = self
            .targets
            .iter()
            .map(|(weight, _)| u64::from(*weight))
            .sum();
        let method = self.method.as_str();
        let key_of = |(_, target): &(u32, Arc<Target>)| lane.key(method, &target.path.to_string());
        let keys: Vec<_> = self.targets.iter().map(key_of).collect();
        let client = user.client();
        let pool = lane.pool_of(control.class);
        loop {
            let due = match &pool {
                None => Stamp::now(),
                Some(pool) => match pool.next(lane, control).await {
                    Some(due) => due,
                    None => return,
                },
            };
            let _ending = pool.as_ref().map(|pool| Ending::new(pool, lane));
            if !lane.take_iteration() {
                return;
            }
            if pool.is_none() {
                lane.iteration_begins(due);
            }
            let place = if self.targets.len() == 1 {
                0
            } else {
                self.choose(lane, total)
            };
            let request = Request {
                method: self.method.clone(),
                target: Arc::clone(&self.targets[place].1),
                headers: Arc::clone(&headers),
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
            control.wait(Duration::ZERO).await;
            if control.phase() > crate::engine::Phase::Running {
                return;
            }
            tokio::task::coop::consume_budget().await;
        }
    }

    fn choose(&self, lane: &Lane, total: u64) -> usize {
        let mut number = lane.rng.borrow_mut().u64(0..total.max(1));
        for (place, (weight, _)) in self.targets.iter().enumerate() {
            match number.checked_sub((*weight).into()) {
                Some(rest) => number = rest,
                None => return place,
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
        let weights: Vec<_> = urls.targets.iter().map(|(weight, _)| *weight).collect();
        assert_eq!(weights, [3, 1, 1]);
        assert_eq!(urls.host(), None);
        assert_eq!(
            Urls::parse(&words("http://a/x")).unwrap().host().as_deref(),
            Some("http://a/")
        );
        for wrong in ["3 http://a/", "http://a/ 0", "ftp://a/", "http://"] {
            assert!(Urls::parse(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
