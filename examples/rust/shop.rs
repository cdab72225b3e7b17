//! Visitors of a small web shop: most look around, some buy.
//!
//! Start the shop and the test in two terminals, then open <http://localhost:8089>:
//!
//! ```console
//! $ katydid target
//! $ cargo run --release --example shop
//! ```

use katydid::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;

const WORDS: [&str; 5] = ["lamp", "chair", "cable", "mug", "poster"];

#[derive(Deserialize)]
struct Items {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: u64,
}

#[derive(Deserialize)]
struct Cart {
    items: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Order {
    order: Option<u64>,
}

/// What a buyer remembers.
#[derive(Default)]
struct Buyer {
    bought: u32,
}

#[katydid::main]
fn test() -> Test {
    let purchase = Flow::sequence("purchase")
        .tag("buying")
        .then("fill cart", fill_cart)
        .then("look at cart", look_at_cart)
        .then("pay", pay);
    Test::new()
        .name("shop")
        .host("http://127.0.0.1:9080")
        .user(
            User::http("Visitor")
                .weight(3)
                .wait(between(0.5.secs(), 2.secs()))
                .task(2, front_page)
                .task(4, browse)
                .task(1, task("search", search).tag("slow")),
        )
        .user(
            User::http("Buyer")
                .state(Buyer::default)
                .wait(between(1.secs(), 3.secs()))
                .on_start(log_in)
                .flow(1, purchase),
        )
}

async fn front_page(u: &mut HttpUser) -> TaskResult {
    u.get("/").await?;
    Ok(())
}

async fn browse(u: &mut HttpUser) -> TaskResult {
    let page = u.number(1..=5);
    let list = u
        .get(format!("/items?page={page}"))
        .name("/items?page=[page]")
        .await?;
    let Items { items } = list.json()?;
    for _ in 0..2 {
        if let Some(item) = u.pick(&items) {
            u.get(format!("/item/{}", item.id))
                .name("/item/[id]")
                .await?;
        }
    }
    Ok(())
}

async fn search(u: &mut HttpUser) -> TaskResult {
    let word = u.pick(&WORDS).unwrap_or(&"lamp");
    let found = u
        .get("/search")
        .query(&[("q", word)])
        .name("/search")
        .await?;
    found.expect(found.is_ok(), "the search does not work")?;
    Ok(())
}

async fn log_in(u: &mut HttpUser<Buyer>) -> TaskResult {
    let name = format!("customer{}", u.number(1..=999));
    u.post("/login")
        .form(&[("username", &*name), ("password", "secret")])
        .await?;
    Ok(())
}

async fn fill_cart(u: &mut HttpUser<Buyer>) -> TaskResult {
    for _ in 0..2 {
        let (item, quantity) = (u.number(1..=100).to_string(), u.number(1..=3).to_string());
        u.post("/cart")
            .form(&[("item", item), ("quantity", quantity)])
            .await?;
    }
    Ok(())
}

async fn look_at_cart(u: &mut HttpUser<Buyer>) -> TaskResult {
    let cart = u.get("/cart").await?;
    let Cart { items } = cart.json()?;
    cart.expect(!items.is_empty(), "what was put into the cart is gone")?;
    Ok(())
}

async fn pay(u: &mut HttpUser<Buyer>) -> TaskResult {
    let paid = u.post("/checkout").await?;
    // The shop's payment service fails now and then; say so in the report's own words.
    paid.expect(paid.status() != 500, "payment failed")?;
    let Order { order } = paid.json()?;
    paid.expect(order.is_some(), "paid, but there is no order number")?;
    u.state.bought += 1;
    Ok(())
}
