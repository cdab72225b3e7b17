//! The two ends against each other.

use std::time::Duration;

use bytes::Bytes;
use katydid_wire::dealer::Event;
use katydid_wire::{Arrival, Dealer, Message, PeerId, Router, Trust, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn id(name: &str) -> PeerId {
    PeerId(Bytes::copy_from_slice(name.as_bytes()))
}

async fn joined(router: &mut Router) -> PeerId {
    match router.arrival().await {
        Some(Arrival::Joined(peer, _)) => peer,
        other => panic!("{other:?}"),
    }
}

async fn received(router: &mut Router) -> (PeerId, Bytes) {
    match router.arrival().await {
        Some(Arrival::Message(peer, payload)) => (peer, payload),
        other => panic!("{other:?}"),
    }
}

async fn connected(dealer: &mut Dealer) {
    match dealer.event().await {
        Some(Event::Connected) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_go_both_ways_and_each_peer_gets_its_own() {
    let mut router = Router::bind("127.0.0.1", 0, Trust::Anyone).unwrap();
    let mut one = Dealer::connect("127.0.0.1", router.port(), b"one", Trust::Anyone);
    assert_eq!(joined(&mut router).await, id("one"));
    let mut two = Dealer::connect("127.0.0.1", router.port(), b"two", Trust::Anyone);
    assert_eq!(joined(&mut router).await, id("two"));
    connected(&mut one).await;
    connected(&mut two).await;

    let ready = Message::new("client_ready", "2.47.0", "one");
    assert!(one.send(&ready.encode()));
    let (peer, payload) = received(&mut router).await;
    assert_eq!(peer, id("one"));
    assert_eq!(Message::decode(&payload).unwrap(), ready);

    let ack = Message::new(
        "ack",
        Value::Map(vec![("index".into(), 0.into())]),
        "master",
    );
    router.send(&id("two"), &ack.encode()).unwrap();
    router.send(&id("one"), b"only for one").unwrap();
    let Some(Event::Message(payload)) = two.event().await else {
        panic!("no message")
    };
    assert_eq!(Message::decode(&payload).unwrap(), ack);
    let Some(Event::Message(payload)) = one.event().await else {
        panic!("no message")
    };
    assert_eq!(&payload[..], b"only for one");
}

#[tokio::test]
async fn strangers_may_send_a_little_and_workers_a_lot() {
    let mut router = Router::bind("127.0.0.1", 0, Trust::Anyone).unwrap();
    let mut dealer = Dealer::connect("127.0.0.1", router.port(), b"w", Trust::Anyone);
    joined(&mut router).await;
    connected(&mut dealer).await;
    let long = vec![7; 1024 * 1024];
    router.accept(&id("w"));
    // A short one first, after which the longer ones are surely allowed.
    dealer.send(b"hello");
    received(&mut router).await;
    dealer.send(&long);
    assert_eq!(received(&mut router).await.1.len(), long.len());

    let mut stranger = Dealer::connect("127.0.0.1", router.port(), b"s", Trust::Anyone);
    joined(&mut router).await;
    connected(&mut stranger).await;
    stranger.send(&long);
    let Some(Arrival::Left(peer, error)) = router.arrival().await else {
        panic!("a stranger's long message was taken")
    };
    assert_eq!(peer, id("s"));
    assert!(error.to_string().contains("65536 are allowed"), "{error}");
}

#[tokio::test]
async fn a_worker_finds_a_master_that_comes_later_or_comes_back() {
    let router = Router::bind("127.0.0.1", 0, Trust::Anyone).unwrap();
    let port = router.port();
    router.close().await;
    let mut dealer = Dealer::connect("127.0.0.1", port, b"w", Trust::Anyone);
    assert!(matches!(dealer.event().await, Some(Event::Disconnected(_))));
    dealer.send(b"kept until there is a master");
    let mut router = Router::bind("127.0.0.1", port, Trust::Anyone).unwrap();
    assert_eq!(joined(&mut router).await, id("w"));
    assert_eq!(
        &received(&mut router).await.1[..],
        b"kept until there is a master"
    );
    router.close().await;
    let mut router = Router::bind("127.0.0.1", port, Trust::Anyone).unwrap();
    assert_eq!(joined(&mut router).await, id("w"));
    dealer.close(Duration::from_secs(5)).await;
    assert!(matches!(router.arrival().await, Some(Arrival::Left(..))));
}

#[tokio::test]
async fn a_peer_that_connects_again_takes_the_place_of_its_earlier_self() {
    let mut router = Router::bind("127.0.0.1", 0, Trust::Anyone).unwrap();
    let _first = Dealer::connect("127.0.0.1", router.port(), b"w", Trust::Anyone);
    joined(&mut router).await;
    let mut second = Dealer::connect("127.0.0.1", router.port(), b"w", Trust::Anyone);
    joined(&mut router).await;
    connected(&mut second).await;
    router.send(&id("w"), b"to the second").unwrap();
    let Some(Event::Message(payload)) = second.event().await else {
        panic!("the second got nothing")
    };
    assert_eq!(&payload[..], b"to the second");
}

#[tokio::test]
async fn whoever_does_not_speak_zeromq_is_shown_out() {
    let mut router = Router::bind("127.0.0.1", 0, Trust::Anyone).unwrap();
    for nonsense in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0xff; 64],
        &[0; 200],
    ] {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", router.port()))
            .await
            .unwrap();
        stream.write_all(nonsense).await.unwrap();
        let mut answer = Vec::new();
        // Either an orderly end or a reset, but an end.
        stream.read_to_end(&mut answer).await.ok();
        let refused = router.arrival().await;
        assert!(matches!(refused, Some(Arrival::Refused(..))), "{refused:?}");
    }
    let _dealer = Dealer::connect("127.0.0.1", router.port(), b"w", Trust::Anyone);
    assert_eq!(joined(&mut router).await, id("w"), "the others are served");
}
