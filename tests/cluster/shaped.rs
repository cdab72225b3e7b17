//! A test whose shape asks for rates: 40 iterations a second for two seconds, then 80 for two more.

use std::time::Duration;

use katydid::prelude::*;

struct Doubling;

impl Shape for Doubling {
    fn tick(&mut self, time: Duration) -> Option<Load> {
        match time.as_secs() {
            0..2 => Some(Load::rate(40.0)),
            2..4 => Some(Load::rate(80.0)),
            _ => None,
        }
    }
}

#[katydid::main]
fn test() -> Test {
    let visitor = User::http("Visitor").task(1, async |u: &mut HttpUser| {
        u.get("/bytes/7").await?;
        Ok(())
    });
    Test::new().user(visitor).shape(Doubling)
}
