//! Who may look, and who may do something: names with passwords, or a token.
//!
//! It stands before everything else that is served, a script's own pages included. A script that
//! asks its visitors by itself (`--web-login`) does so in [`crate::gate`].

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::body::to_bytes;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, COOKIE, HeaderMap, LOCATION, RETRY_AFTER, SET_COOKIE,
    WWW_AUTHENTICATE,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_rustls::rustls::crypto::ring;

use crate::api::Refusal;
use crate::guard;
use crate::page;
use crate::site::Shared;

/// How long somebody stays logged in.
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);
/// How many may be logged in at once; beyond that the oldest ones are forgotten.
const SESSIONS: usize = 1_000;
/// How many wrong passwords an address may send before it has to wait.
const TRIES: u32 = 5;
/// How long it waits then, and how long its tries are remembered.
const WAIT: Duration = Duration::from_secs(60);
/// How many addresses' tries are remembered.
const ADDRESSES: usize = 10_000;
/// The longest form that is read.
const LARGEST: usize = 4 * 1024;
/// A token that may be found by trying is none.
const SHORTEST_TOKEN: usize = 16;
/// The name of the cookie.
const SESSION_COOKIE: &str = "katydid_session";

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Look.
    Viewer,
    /// Look, and change what runs.
    Operator,
}

/// Who may come in; everybody if there are neither users nor a token.
#[derive(Clone, Default)]
pub struct Access {
    users: HashMap<String, User>,
    token: Option<String>,
}

#[derive(Clone)]
struct User {
    role: Role,
    hash: String,
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Visitor {
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// Who is logged in, and who tries to be.
pub(crate) struct Desk {
    sessions: Mutex<HashMap<String, Session>>,
    tries: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    /// A password takes a processor and 19 MiB for a moment: one at a time.
    turn: Semaphore,
}

struct Session {
    visitor: Visitor,
    until: Instant,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            sessions: Mutex::default(),
            tries: Mutex::default(),
            turn: Semaphore::new(1),
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "viewer" => Ok(Self::Viewer),
            "operator" => Ok(Self::Operator),
            other => Err(format!("the role {other:?} is neither viewer nor operator")),
        }
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

impl Access {
    /// Reads lines of `name:role:hash`, and a token; both may be empty. The error says what is
    /// wrong in which line, and tells nothing of what is secret.
    pub fn parse(users: &str, token: &str) -> Result<Self, String> {
        let mut access = Self::default();
        for (number, line) in (1..).zip(users.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |problem: &str| format!("line {number}: {problem}");
            let mut parts = line.splitn(3, ':');
            let (Some(name), Some(role), Some(hash)) = (parts.next(), parts.next(), parts.next())
            else {
                return Err(wrong("it is not name:role:hash"));
            };
            let role = role.parse().map_err(|error: String| wrong(&error))?;
            if name.is_empty() || PasswordHash::new(hash).is_err() {
                return Err(wrong(
                    "its hash is not one that `katydid web-user` has made",
                ));
            }
            let user = User {
                role,
                hash: hash.to_owned(),
            };
            if access.users.insert(name.to_owned(), user).is_some() {
                return Err(wrong("this name has a line already"));
            }
        }
        let token = token.trim();
        if !token.is_empty() && token.len() < SHORTEST_TOKEN {
            return Err(format!(
                "the token has {} bytes, and needs at least {SHORTEST_TOKEN}",
                token.len()
            ));
        }
        access.token = (!token.is_empty()).then(|| token.to_owned());
        Ok(access)
    }

    /// Whether nobody is asked who they are.
    pub fn is_open(&self) -> bool {
        self.users.is_empty() && self.token.is_none()
    }
}

/// A line of the file of users.
pub fn user_line(name: &str, role: &str, password: &str) -> Result<String, String> {
    let role: Role = role.parse()?;
    if name.is_empty() || name.contains([':', '\n', '\r']) || name.starts_with('#') {
        return Err("a name has no colon, does not begin with #, and is not empty".to_owned());
    }
    if password.is_empty() {
        return Err("the password is empty".to_owned());
    }
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| error.to_string())?;
    let role = match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
    };
    Ok(format!("{name}:{role}:{hash}"))
}

/// Lets in who is known, asks others who they are, and keeps viewers from changing anything.
pub(crate) async fn login(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    if shared.options.access.is_open() {
        return next.run(request).await;
    }
    let path = guard::path_of(&request, &shared.options).to_owned();
    match (request.method().clone(), path.as_str()) {
        (Method::GET | Method::HEAD, "/login") => return form(&shared, StatusCode::OK, ""),
        (Method::POST, "/login") => return enter(&shared, request).await,
        (Method::POST, "/logout") => return leave(&shared, request.headers()),
        _ => {}
    }
    let Some(visitor) = visitor(&shared, request.headers()) else {
        let answer = ask(&shared, &request, &path);
        guard::hear_out(request).await;
        return answer;
    };
    let changes = guard::changes(request.method(), &path);
    if changes && visitor.role == Role::Viewer {
        let message = "You may look, but not change anything: your role is viewer.";
        guard::hear_out(request).await;
        return refuse(StatusCode::FORBIDDEN, &path, message);
    }
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

fn visitor(shared: &Shared, headers: &HeaderMap) -> Option<Visitor> {
    let sent = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let sent = sent.and_then(|text| text.split_once(' '));
    if let (Some((scheme, sent)), Some(token)) = (sent, &shared.options.access.token)
        && scheme.eq_ignore_ascii_case("bearer")
        && is_same(sent.trim(), token)
    {
        return Some(Visitor {
            name: "token".to_owned(),
            role: Role::Operator,
        });
    }
    let id = session_of(headers)?;
    let sessions = shared.desk.sessions.lock();
    let session = sessions.get(id)?;
    (session.until > Instant::now()).then(|| session.visitor.clone())
}

/// Compares without telling by the time it takes where they differ.
fn is_same(sent: &str, token: &str) -> bool {
    let differences = sent.bytes().zip(token.bytes()).map(|(a, b)| a ^ b);
    sent.len() == token.len() && differences.fold(0, |all, one| all | one) == 0
}

fn session_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter();
    cookies
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, id)| (name == SESSION_COOKIE).then_some(id))
}

/// Asks a visitor who they are: a person on a page, a program by a status.
fn ask(shared: &Shared, request: &Request, path: &str) -> Response {
    let accepts = request.headers().get(ACCEPT);
    let accepts = accepts.and_then(|accepts| accepts.to_str().ok());
    let is_person = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    if is_person && request.method() == Method::GET && !shared.options.access.users.is_empty() {
        return see_other(&format!("{}/login", shared.options.base_path));
    }
    let message = "Log in first, or send the token as Authorization: Bearer.";
    let mut response = refuse(StatusCode::UNAUTHORIZED, path, message);
    let scheme = "Bearer".parse().expect("ASCII");
    response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    response
}

fn refuse(status: StatusCode, path: &str, message: &str) -> Response {
    if path.starts_with("/api/") {
        Refusal::whole(status, message).into_response()
    } else {
        page::plain(status, message)
    }
}

fn see_other(path: &str) -> Response {
    (
        StatusCode::SEE_OTHER,
        [(LOCATION, path), (CACHE_CONTROL, "no-store")],
    )
        .into_response()
}

/// Takes the form of the page to log in.
async fn enter(shared: &Shared, request: Request) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
    if let Some(wait) = peer.and_then(|peer| shared.desk.must_wait(peer)) {
        let text = format!("Too many wrong passwords. Try again in {wait} seconds.");
        let mut response = form(shared, StatusCode::TOO_MANY_REQUESTS, &text);
        response.headers_mut().insert(RETRY_AFTER, wait.into());
        guard::hear_out(request).await;
        return response;
    }
    let Ok(body) = to_bytes(request.into_body(), LARGEST).await else {
        return form(shared, StatusCode::PAYLOAD_TOO_LARGE, "That was too much.");
    };
    let fields: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let (name, password) = (field("username"), field("password"));
    let user = shared.options.access.users.get(&name).cloned();
    // Whoever asks must not learn by the time it takes which names there are.
    let others = shared.options.access.users.values().next().cloned();
    let Ok(_turn) = shared.desk.turn.acquire().await else {
        return form(shared, StatusCode::SERVICE_UNAVAILABLE, "");
    };
    let hash = user.clone().or(others).map(|user| user.hash);
    let is_right = spawn_blocking(move || hash.is_some_and(|hash| fits(&password, &hash))).await;
    let (true, Some(user)) = (is_right.unwrap_or(false), user) else {
        if let Some(peer) = peer {
            shared.desk.remember_try(peer);
        }
        let text = "The name or the password is wrong.";
        return form(shared, StatusCode::UNAUTHORIZED, text);
    };
    if let Some(peer) = peer {
        shared.desk.tries.lock().remove(&peer);
    }
    let role = user.role;
    let id = shared.desk.open(Visitor { name, role });
    let mut response = see_other(&format!("{}/", shared.options.base_path));
    let age = SESSION.as_secs();
    set_cookie(shared, &mut response, &id, age);
    response
}

fn fits(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

fn leave(shared: &Shared, headers: &HeaderMap) -> Response {
    if let Some(id) = session_of(headers) {
        shared.desk.sessions.lock().remove(id);
    }
    let mut response = see_other(&format!("{}/login", shared.options.base_path));
    set_cookie(shared, &mut response, "", 0);
    response
}

fn set_cookie(shared: &Shared, response: &mut Response, id: &str, age: u64) {
    let secure = if shared.options.tls.is_some() {
        "; Secure"
    } else {
        ""
    };
    let path = &shared.options.base_path;
    let cookie = format!(
        "{SESSION_COOKIE}={id}; Path={path}/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}"
    );
    // A base path that is no header's text never got this far as a path.
    if let Ok(cookie) = cookie.parse() {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}

/// The page to log in.
fn form(shared: &Shared, status: StatusCode, problem: &str) -> Response {
    let base = page::escaped(&shared.options.base_path);
    let problem = if problem.is_empty() {
        String::new()
    } else {
        format!(
            "<p role=\"alert\"><strong>{}</strong></p>\n",
            page::escaped(problem)
        )
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Log in - Katydid</title>\n<main>\n<h1>Log in to Katydid</h1>\n{problem}\
         <form method=\"post\" action=\"{base}/login\">\n\
         <p><label>Name<br><input name=\"username\" autocomplete=\"username\" required \
         autofocus></label></p>\n\
         <p><label>Password<br><input name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required></label></p>\n\
         <p><button>Log in</button></p>\n</form>\n</main>\n</html>\n"
    );
    (status, [(CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

impl Desk {
    fn open(&self, visitor: Visitor) -> String {
        let mut bytes = [0_u8; 32];
        ring::default_provider()
            .secure_random
            .fill(&mut bytes)
            .expect("the system has random numbers");
        let mut id = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            write!(id, "{byte:02x}").expect("a string takes everything");
        }
        let now = Instant::now();
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, session| session.until > now);
        if sessions.len() >= SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.until);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                sessions.remove(&id);
            }
        }
        let until = now + SESSION;
        sessions.insert(id.clone(), Session { visitor, until });
        id
    }

    /// Seconds that an address has to wait before its next try.
    fn must_wait(&self, peer: IpAddr) -> Option<u64> {
        let tries = self.tries.lock();
        let &(count, last) = tries.get(&peer)?;
        let left = WAIT.checked_sub(last.elapsed())?;
        (count >= TRIES).then(|| left.as_secs() + 1)
    }

    fn remember_try(&self, peer: IpAddr) {
        let mut tries = self.tries.lock();
        if tries.len() >= ADDRESSES {
            tries.retain(|_, (_, last)| last.elapsed() < WAIT);
        }
        let (count, last) = tries.entry(peer).or_insert((0, Instant::now()));
        if last.elapsed() >= WAIT {
            *count = 0;
        }
        *count += 1;
        *last = Instant::now();
    }
}
