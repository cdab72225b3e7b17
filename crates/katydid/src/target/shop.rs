//! A tiny shop: the pages that example scripts walk through.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::answer::Answer;
use super::chance::{self, Draws};
use super::request::{Request, fields};
use super::routes::{Params, Site};

/// Things on sale, numbered from 1.
const ITEMS: u32 = 100;
/// Things on one page of the list.
const PAGE: u32 = 20;
/// Carts kept; the oldest sessions lose theirs first.
const MAX_CARTS: usize = 100_000;
/// Checkouts that fail, of 1000.
const FAILING_CHECKOUTS: u32 = 50;

const KINDS: [&str; 10] = [
    "lamp", "chair", "kettle", "bowl", "basket", "clock", "blanket", "mirror", "shelf", "mug",
];

/// What the shop remembers.
pub(crate) struct Shop {
    key: u64,
    sessions: AtomicU64,
    orders: AtomicU64,
    signups: AtomicU64,
    checkouts: Draws,
    /// Item and quantity by session; bounded by [`MAX_CARTS`] and [`ITEMS`].
    carts: Mutex<BTreeMap<u64, BTreeMap<u32, u32>>>,
}

impl Shop {
    /// An empty shop.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            key: chance::scramble(seed),
            sessions: AtomicU64::new(1),
            orders: AtomicU64::new(1),
            signups: AtomicU64::new(1),
            checkouts: Draws::new(seed, 1),
            carts: Mutex::default(),
        }
    }

    /// A cookie value that this shop will know again without having kept it.
    fn open_session(&self, user: &str) -> String {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        format!("{number}-{:016x}-{user}", self.proof(number, user))
    }

    fn proof(&self, number: u64, user: &str) -> u64 {
        user.bytes()
            .fold(chance::scramble(self.key ^ number), |proof, byte| {
                chance::scramble(proof ^ u64::from(byte))
            })
    }

    /// The session that a request's cookie proves.
    fn session<'a>(&self, request: &Request<'a>) -> Option<Session<'a>> {
        let (_, value) = request.cookies().find(|(name, _)| *name == "session")?;
        let (number, rest) = value.split_once('-')?;
        let (proof, user) = rest.split_once('-')?;
        let number = number.parse().ok()?;
        let proof = u64::from_str_radix(proof, 16).ok()?;
        (proof == self.proof(number, user)).then_some(Session { number, user })
    }
}

struct Session<'a> {
    number: u64,
    user: &'a str,
}

fn item(id: u32) -> Value {
    let kind = KINDS[(id as usize) % KINDS.len()];
    json!({
        "id": id,
        "name": format!("{kind} no. {id}"),
        "price": 500 + (id * 37) % 4000,
        "stock": (id * 13) % 50,
    })
}

fn unauthorized() -> Answer {
    Answer::error(StatusCode::UNAUTHORIZED, "please log in")
}

/// `GET /`
pub(crate) fn home(_: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    Answer::typed("text/html; charset=utf-8", HOME.as_bytes())
}

const HOME: &str = "<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>Demo shop</title></head>
<body>
<h1>Demo shop</h1>
<form action=\"/search\"><input name=\"q\"> <button>Search</button></form>
<ul>
<li><a href=\"/items?page=1\">All items</a></li>
<li><a href=\"/item/7\">Today's offer</a></li>
<li><a href=\"/cart\">Your cart</a></li>
<li><a href=\"/account\">Your account</a></li>
</ul>
</body>
</html>
";

/// `GET /items`
pub(crate) fn items(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    let page = request.number("page", 1u32).max(1);
    let first = (page - 1).saturating_mul(PAGE).saturating_add(1);
    let items: Vec<_> = (first..first.saturating_add(PAGE))
        .take_while(|id| *id <= ITEMS)
        .map(item)
        .collect();
    Answer::json(&json!({ "page": page, "pages": ITEMS / PAGE, "items": items }))
}

/// `GET /item/{id}`
pub(crate) fn one_item(_: &Request<'_>, params: &Params<'_>, _: &Site) -> Answer {
    match params[0].parse() {
        Ok(id) if (1..=ITEMS).contains(&id) => Answer::json(&item(id)),
        _ => Answer::error(StatusCode::NOT_FOUND, "no such item"),
    }
}

/// `GET /search`
pub(crate) fn search(request: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    let query = request.field("q").unwrap_or_default();
    let wanted = query.to_lowercase();
    let found: Vec<_> = (1..=ITEMS)
        .map(item)
        .filter(|item| {
            item["name"]
                .as_str()
                .is_some_and(|name| name.contains(&wanted))
        })
        .take(PAGE as usize)
        .collect();
    Answer::json(&json!({ "query": query, "items": found })).delayed(Duration::from_millis(3))
}

/// `GET /recommendations`
pub(crate) fn recommendations(_: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    let (_, mix) = chance::MIXES[0];
    let delay = chance::latency(mix, site.recommendations.per_mille());
    let items: Vec<_> = [7, 21, 42].into_iter().map(item).collect();
    Answer::json(&json!({ "items": items })).delayed(delay)
}

/// `POST /login`
pub(crate) fn login(request: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    let form = Form::of(request);
    let Some(user) = form.text("username").filter(|user| !user.is_empty()) else {
        return Answer::error(StatusCode::BAD_REQUEST, "username is missing");
    };
    if form.text("password").as_deref() == Some("wrong") {
        return Answer::error(StatusCode::UNAUTHORIZED, "wrong password");
    }
    let safe: String = user
        .chars()
        .filter(|char| char.is_ascii_alphanumeric() || "._@+".contains(*char))
        .take(64)
        .collect();
    let cookie = site.shop.open_session(&safe);
    Answer::json(&json!({ "user": user })).header(
        "set-cookie",
        format!("session={cookie}; Path=/; HttpOnly; SameSite=Lax"),
    )
}

/// `POST /logout`
pub(crate) fn logout(_: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    Answer::json(&json!({ "ok": true }))
        .header("set-cookie", "session=; Path=/; HttpOnly; Max-Age=0")
}

/// `GET /account`
pub(crate) fn account(request: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    match site.shop.session(request) {
        Some(session) => Answer::json(&json!({ "user": session.user, "session": session.number })),
        None => unauthorized(),
    }
}

/// `GET /cart`
pub(crate) fn cart(request: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    match site.shop.session(request) {
        Some(session) => Answer::json(&cart_of(&site.shop, session.number)),
        None => unauthorized(),
    }
}

/// `POST /cart`
pub(crate) fn add_to_cart(request: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    let Some(session) = site.shop.session(request) else {
        return unauthorized();
    };
    let form = Form::of(request);
    let id = form
        .number("item")
        .or_else(|| form.number("id"))
        .unwrap_or(0);
    if !(1..=ITEMS).contains(&id) {
        return Answer::error(
            StatusCode::BAD_REQUEST,
            "item must be a number of one on sale",
        );
    }
    let quantity = form.number("quantity").unwrap_or(1);
    {
        let mut carts = site.shop.carts.lock();
        let held = carts
            .entry(session.number)
            .or_default()
            .entry(id)
            .or_default();
        *held = held.saturating_add(quantity);
        if carts.len() > MAX_CARTS {
            carts.pop_first();
        }
    }
    Answer::json(&cart_of(&site.shop, session.number)).status(StatusCode::CREATED)
}

/// `POST /checkout`
pub(crate) fn checkout(request: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    let Some(session) = site.shop.session(request) else {
        return unauthorized();
    };
    let delay = Duration::from_millis(20);
    if site.shop.checkouts.per_mille() < FAILING_CHECKOUTS {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return Answer::error(status, "the payment service did not answer").delayed(delay);
    }
    let mut order = cart_of(&site.shop, session.number);
    site.shop.carts.lock().remove(&session.number);
    order["order"] = site.shop.orders.fetch_add(1, Ordering::Relaxed).into();
    Answer::json(&order).delayed(delay)
}

/// `POST /api/test/testForSignup`
pub(crate) fn signup(_: &Request<'_>, _: &Params<'_>, site: &Site) -> Answer {
    let id = site.shop.signups.fetch_add(1, Ordering::Relaxed);
    Answer::json(&json!({ "result": "ok", "id": id }))
}

/// `GET /api/test/timelinePage`
pub(crate) fn timeline(_: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    let posts: Vec<_> = (1..=10)
        .map(|id| json!({ "id": id, "text": format!("post no. {id}") }))
        .collect();
    Answer::json(&json!({ "result": "ok", "posts": posts }))
}

/// `GET /api/test/mypage`
pub(crate) fn mypage(_: &Request<'_>, _: &Params<'_>, _: &Site) -> Answer {
    Answer::json(&json!({ "result": "ok", "name": "demo", "followers": 42 }))
}

fn cart_of(shop: &Shop, session: u64) -> Value {
    let carts = shop.carts.lock();
    let empty = BTreeMap::new();
    let mut total = 0u64;
    let lines: Vec<_> = carts
        .get(&session)
        .unwrap_or(&empty)
        .iter()
        .map(|(&id, &quantity)| {
            let price = item(id)["price"].as_u64().unwrap_or(0);
            total += price * u64::from(quantity);
            json!({ "id": id, "quantity": quantity, "price": price })
        })
        .collect();
    json!({ "items": lines, "total": total })
}

/// A body with named values: JSON or a form, whichever it turns out to be.
enum Form {
    Json(Value),
    Fields(Vec<(String, String)>),
}

impl Form {
    fn of(request: &Request<'_>) -> Self {
        if let Ok(value @ Value::Object(_)) = serde_json::from_slice(&request.body) {
            return Self::Json(value);
        }
        Self::Fields(fields(&String::from_utf8_lossy(&request.body)).collect())
    }

    fn text(&self, name: &str) -> Option<String> {
        match self {
            Self::Json(value) => match &value[name] {
                Value::String(text) => Some(text.clone()),
                Value::Null => None,
                other => Some(other.to_string()),
            },
            Self::Fields(fields) => {
                let found = fields.iter().find(|(key, _)| key == name)?;
                Some(found.1.clone())
            }
        }
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }
}
