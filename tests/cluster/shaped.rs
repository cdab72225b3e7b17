//! A test whose shape asks for another rate in each second: `RATES="40 40 80 80"`, and then ends.

use std::time::Duration;

use katydid::prelude::*;

struct Seconds(Vec<f64>);

impl Shape for Seconds {
    fn tick(&mut self, time: Duration) -> Option<Load> {
        let second = usize::try_from(time.as_secs()).ok()?;
        self.0.get(second).copied().map(Load::rate)
    }
}

#[katydid::main]
fn test() -> Test {
    let visitor = User::http("Visitor").task(1, async |u: &mut HttpUser| {
        u.get("/bytes/7").await?;
        Ok(())
    });
    let rates = std::env::var("RATES").unwrap_or_default();
    let rates = rates.split(' ').flat_map(str::parse);
    Test::new().user(visitor).shape(Seconds(rates.collect()))
}
