//! A node in earnest: its clock, its outbox and its pictures.

use std::sync::Arc;

use katydid_core::registry::Registry;
use katydid_core::snapshot::State;
use katydid_node::run::Node;
use katydid_node::{Action, ClassSpec, Event};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// A node, and what it has ordered so far.
fn node() -> (Arc<Node>, Arc<Mutex<Vec<Action>>>) {
    let orders = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&orders);
    let outbox = Box::new(move |action| seen.lock().push(action));
    (
        Arc::new(Node::new(Arc::new(Registry::new()), outbox)),
        orders,
    )
}

fn start(users: u32) -> Event {
    Event::Start {
        users,
        spawn_rate: 1_000.0,
        classes: vec![ClassSpec {
            name: "A".to_owned(),
            weight: 1.0,
            fixed_count: 0,
        }],
        run_time: None,
        host: None,
    }
}

#[test]
fn orders_are_in_the_outbox_when_send_returns() {
    let (node, orders) = node();
    node.send(start(2));
    let two = || [("A".to_owned(), 2)].into();
    assert_eq!(*orders.lock(), [Action::Spawn(two())]);
    node.send(Event::Spawned { counts: two() });
    assert_eq!(
        orders.lock().last(),
        Some(&Action::SpawningComplete { users: 2 })
    );
    assert_eq!(node.read(|local| local.run().state), State::Running);
}

#[test]
fn a_change_of_state_is_published_before_send_returns() {
    let (node, _orders) = node();
    let snapshots = node.snapshots();
    let first = snapshots.borrow().seq;
    node.send(start(1));
    let snapshot = Arc::clone(&snapshots.borrow());
    assert_eq!(snapshot.run.state, State::Spawning);
    assert!(snapshot.seq > first);
}

#[tokio::test]
async fn driving_takes_the_steps_and_publishes() {
    let (node, orders) = node();
    let cancelled = CancellationToken::new();
    let driver = tokio::task::LocalSet::new();
    driver.spawn_local(Arc::clone(&node).drive(cancelled.clone()));
    driver
        .run_until(async {
            let mut snapshots = node.snapshots();
            node.send(start(1));
            node.send(Event::RunTime(Some(std::time::Duration::from_millis(1))));
            while !orders.lock().contains(&Action::RunTimeReached) {
                snapshots.changed().await.expect("the node is alive");
            }
            cancelled.cancel();
        })
        .await;
    driver.await;
}
