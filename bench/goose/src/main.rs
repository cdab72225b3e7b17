//! What every generator of the benchmark does, as a test of Goose.

use goose::prelude::*;

async fn ask(user: &mut GooseUser) -> TransactionResult {
    let answer = user.get("/").await?;
    if let Ok(answer) = answer.response {
        // The body is read to its end, as by the others.
        drop(answer.bytes().await);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    GooseAttack::initialize()?
        .register_scenario(scenario!("bench").register_transaction(transaction!(ask)))
        .execute()
        .await?;
    Ok(())
}
