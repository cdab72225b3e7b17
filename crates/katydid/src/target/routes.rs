//! The table of routes, and the way from a request to its answer.

use rustc_hash::FxHashMap;

use http::StatusCode;

use super::answer::Answer;
use super::chance::{Draws, MIXES};
use super::lab::{self, Compressed};
use super::request::{Method, Request};
use super::shop::{self, Shop};

/// What stands in for `{…}` in a route's template, in order.
pub(crate) type Params<'a> = [&'a str; 2];

type Handler = fn(&Request<'_>, &Params<'_>, &Site) -> Answer;

/// The number of a route in the ground truth.
pub(crate) type RouteId = u16;

/// Requests that no route takes.
const UNKNOWN: RouteId = RouteId::MAX;
/// Bytes that are no HTTP request.
pub(crate) const MALFORMED: RouteId = RouteId::MAX - 1;

/// Which methods a route takes; `Get` takes `HEAD` as well.
enum Takes {
    Get,
    Post,
    Any,
}

use Takes::{Any, Get, Post};

/// Every counted route: method, template, what answers.
const ROUTES: &[(Takes, &str, Handler)] = &[
    (Get, "/", shop::home),
    (Get, "/items", shop::items),
    (Get, "/item/{id}", shop::one_item),
    (Get, "/search", shop::search),
    (Get, "/recommendations", shop::recommendations),
    (Post, "/login", shop::login),
    (Post, "/logout", shop::logout),
    (Get, "/account", shop::account),
    (Get, "/cart", shop::cart),
    (Post, "/cart", shop::add_to_cart),
    (Post, "/checkout", shop::checkout),
    (Post, "/api/test/testForSignup", shop::signup),
    (Get, "/api/test/timelinePage", shop::timeline),
    (Get, "/api/test/mypage", shop::mypage),
    (Any, "/echo", lab::echo),
    (Any, "/status/{code}", lab::status),
    (Any, "/bytes/{n}", lab::bytes),
    (Any, "/latency", lab::latency),
    (Any, "/slow-body", lab::slow_body),
    (Any, "/chunked", lab::chunked),
    (Any, "/close-delimited", lab::close_delimited),
    (Any, "/drop-after/{n}", lab::drop_after),
    (Any, "/broken/{kind}", lab::broken),
    (Any, "/redirect/{n}", lab::redirect),
    (Any, "/redirect-to", lab::redirect_to),
    (Any, "/relative-redirect", lab::relative_redirect),
    (Any, "/redirect-loop", lab::redirect_loop),
    (Get, "/cookies", lab::cookies),
    (Get, "/cookies/set", lab::set_cookies),
    (Get, "/cookies/delete", lab::delete_cookies),
    (Any, "/basic-auth/{user}/{pass}", lab::basic_auth),
    (Get, "/gzip", lab::gzip),
    (Get, "/deflate", lab::deflate),
    (Get, "/br", lab::brotli),
    (Get, "/zstd", lab::zstd),
];

/// The template of a route, as reports name it.
pub(crate) fn template(route: RouteId) -> &'static str {
    match route {
        UNKNOWN => "(unknown)",
        MALFORMED => "(malformed)",
        route => ROUTES[usize::from(route)].1,
    }
}

/// All that answers depend on besides the request.
pub(crate) struct Site {
    pub(crate) shop: Shop,
    pub(crate) recommendations: Draws,
    /// One sequence for each of [`MIXES`].
    pub(crate) mixes: Vec<Draws>,
    pub(crate) compressed: Compressed,
    pub(crate) tls: bool,
    /// Routes by the first segment of their path.
    by_start: FxHashMap<&'static str, Vec<RouteId>>,
}

/// What a request is answered with.
pub(crate) enum Routed {
    /// It counts as this route.
    Counted(RouteId, Answer),
    /// It is about the counts, so it is none of them.
    Truth,
    Reset,
}

impl Site {
    /// The site whose random answers follow from `seed`.
    pub(crate) fn new(seed: u64, tls: bool) -> Self {
        let mut by_start: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for (id, route) in (0..).zip(ROUTES) {
            by_start.entry(first_segment(route.1)).or_default().push(id);
        }
        Self {
            shop: Shop::new(seed),
            recommendations: Draws::new(seed, 2),
            mixes: (0..)
                .zip(MIXES)
                .map(|(index, _)| Draws::new(seed, 10 + index))
                .collect(),
            compressed: Compressed::new(),
            tls,
            by_start,
        }
    }

    /// Finds the answer to a request.
    pub(crate) fn answer(&self, request: &Request<'_>) -> Routed {
        let path = request.path();
        match path {
            "/_truth" => return Routed::Truth,
            "/_truth/reset" if request.method == Method::Post => return Routed::Reset,
            _ => {}
        }
        let mut refused = None;
        for &id in self
            .by_start
            .get(first_segment(path))
            .map_or(&[][..], Vec::as_slice)
        {
            let (takes, template, handler) = &ROUTES[usize::from(id)];
            let Some(params) = matched(template, path) else {
                continue;
            };
            let fits = match takes {
                Any => true,
                Get => matches!(request.method, Method::Get | Method::Head),
                Post => request.method == Method::Post,
            };
            if fits {
                return Routed::Counted(id, handler(request, &params, self));
            }
            refused = Some(id);
        }
        match refused {
            Some(id) => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                Routed::Counted(id, Answer::error(status, "no such method here"))
            }
            None => Routed::Counted(
                UNKNOWN,
                Answer::error(StatusCode::NOT_FOUND, "no such page"),
            ),
        }
    }
}

fn first_segment(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/').map_or(path, |(first, _)| first)
}

/// The parameters of `path` when it fits the template.
fn matched<'a>(template: &str, path: &'a str) -> Option<Params<'a>> {
    let mut params = [""; 2];
    let mut found = 0;
    let mut segments = path.split('/');
    for part in template.split('/') {
        let segment = segments.next()?;
        if part.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            params[found] = segment;
            found += 1;
        } else if part != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_fit_whole_paths_only() {
        assert_eq!(matched("/item/{id}", "/item/7"), Some(["7", ""]));
        assert_eq!(matched("/a/{x}/{y}", "/a/1/2"), Some(["1", "2"]));
        assert_eq!(matched("/item/{id}", "/item"), None);
        assert_eq!(matched("/item/{id}", "/item/"), None);
        assert_eq!(matched("/item/{id}", "/item/7/8"), None);
        assert_eq!(matched("/", "/"), Some(["", ""]));
    }

    #[test]
    fn no_template_has_more_parameters_than_fit() {
        for (_, template, _) in ROUTES {
            assert!(template.matches('{').count() <= 2, "{template}");
        }
    }
}
