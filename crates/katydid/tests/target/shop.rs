//! The shop and the pages of the acceptance script.

use std::thread;

use serde_json::json;

use crate::client::{Client, get};
use crate::{target, target_with};

use katydid::target::{Config, Running};

/// The header line with the session that a login opened.
fn log_in(client: &mut Client) -> String {
    let reply = client.request("POST", "/login", "", "username=ada&password=x");
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly"));
    format!("cookie: {}\r\n", cookie.split(';').next().unwrap())
}

#[test]
fn the_home_page_is_html() {
    let target = target();
    let reply = get(&target, "/");
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(reply.text().contains("<h1>Demo shop</h1>"));
}

#[test]
fn items_are_listed_by_page_and_found_by_number() {
    let target = target();
    let mut client = Client::to(&target);
    let list = client.get("/items?page=2").json();
    assert_eq!(list["items"].as_array().unwrap().len(), 20);
    assert_eq!(list["items"][0]["id"], 21);
    assert_eq!(client.get("/items?page=99").json()["items"], json!([]));
    assert_eq!(client.get("/item/21").json(), list["items"][0]);
    assert_eq!(client.get("/item/101").status, 404);
    assert_eq!(client.get("/item/x").status, 404);
}

#[test]
fn search_finds_names() {
    let target = target();
    let found = get(&target, "/search?q=Kettle").json();
    assert_eq!(found["query"], "Kettle");
    assert_eq!(found["items"].as_array().unwrap().len(), 10);
}

#[test]
fn only_a_logged_in_customer_has_an_account_and_a_cart() {
    let target = target();
    let mut client = Client::to(&target);
    for (method, path) in [
        ("GET", "/account"),
        ("GET", "/cart"),
        ("POST", "/cart"),
        ("POST", "/checkout"),
    ] {
        assert_eq!(client.request(method, path, "", "").status, 401, "{path}");
    }
    let session = log_in(&mut client);
    assert_eq!(
        client.request("GET", "/account", &session, "").json()["user"],
        "ada"
    );
    let forged = session.replace("ada", "eve");
    assert_eq!(client.request("GET", "/account", &forged, "").status, 401);
}

#[test]
fn logging_in_takes_json_too_and_refuses_the_wrong_password() {
    let target = target();
    let mut client = Client::to(&target);
    let reply = client.request("POST", "/login", "", r#"{"username":"bo","password":"x"}"#);
    assert_eq!(reply.json(), json!({ "user": "bo" }));
    assert_eq!(
        client
            .request("POST", "/login", "", "username=bo&password=wrong")
            .status,
        401
    );
    assert_eq!(client.request("POST", "/login", "", "").status, 400);
}

#[test]
fn a_cart_fills_and_is_empty_after_checkout() {
    let target = target();
    let mut client = Client::to(&target);
    let session = log_in(&mut client);
    assert_eq!(
        client
            .request("POST", "/cart", &session, "item=7&quantity=2")
            .status,
        201
    );
    let cart = client
        .request("POST", "/cart", &session, r#"{"item":8}"#)
        .json();
    assert_eq!(cart["total"], 2 * 759 + 796);
    assert_eq!(
        client
            .request("POST", "/cart", &session, "item=1000")
            .status,
        400
    );
    while client.request("POST", "/checkout", &session, "").status != 200 {}
    assert_eq!(
        client.request("GET", "/cart", &session, "").json()["total"],
        0
    );
}

/// How many of 400 checkouts fail.
fn failing_checkouts(target: &Running) -> usize {
    let customers = (0..40).map(|_| {
        let mut client = Client::to(target);
        thread::spawn(move || {
            let session = log_in(&mut client);
            let status = |_| client.request("POST", "/checkout", &session, "").status;
            (0..10).map(status).filter(|status| *status == 500).count()
        })
    });
    let customers: Vec<_> = customers.collect();
    customers
        .into_iter()
        .map(|customer| customer.join().unwrap())
        .sum()
}

#[test]
fn the_seed_decides_how_many_checkouts_fail() {
    let failing = |seed| {
        failing_checkouts(&target_with(Config {
            seed,
            ..Config::default()
        }))
    };
    let first = failing(11);
    assert_eq!(first, failing(11));
    assert!((5..40).contains(&first), "{first}");
}

#[test]
fn the_acceptance_pages_answer_json() {
    let target = target();
    let mut client = Client::to(&target);
    for (method, path) in [
        ("POST", "/api/test/testForSignup"),
        ("GET", "/api/test/timelinePage"),
        ("GET", "/api/test/mypage"),
    ] {
        let reply = client.request(method, path, "", "");
        assert_eq!(
            (reply.status, &reply.json()["result"]),
            (200, &json!("ok")),
            "{path}"
        );
    }
}
