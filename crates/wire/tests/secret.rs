//! The join secret: who knows it is let in, and nobody else learns anything.

use bytes::{Bytes, BytesMut};
use katydid_wire::dealer::Event;
use katydid_wire::secret::{self, Asking, Mismatch};
use katydid_wire::{Arrival, ConnectionError, Dealer, JoinSecret, Router, Trust};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn known() -> JoinSecret {
    JoinSecret::new(b"0123456789abcdef\n").expect("long enough")
}

fn other() -> JoinSecret {
    JoinSecret::new(b"another secret of the same length").expect("long enough")
}

#[test]
fn a_secret_is_long_enough_and_shows_itself_to_nobody() {
    let short = JoinSecret::new(b"  fifteen bytes.  \n").unwrap_err();
    assert!(
        short
            .to_string()
            .contains("has 14 bytes, and needs at least 16"),
        "{short}"
    );
    assert!(JoinSecret::new(&[b'x'; 5_000]).is_err());
    assert_eq!(format!("{:?}", known()), "JoinSecret(..)");
}

#[test]
fn a_secret_is_read_from_a_file() {
    let file = std::env::temp_dir().join(format!("katydid-secret-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    let read = JoinSecret::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let (_, hello) = Asking::begin(&read);
    assert!(
        secret::answer(&known(), &hello).is_ok(),
        "the same, but for white space"
    );
    assert!(JoinSecret::read(&file).is_err(), "it is gone");
    assert!(
        JoinSecret::read("/dev/zero".as_ref()).is_err(),
        "and no endless one"
    );
}

#[test]
fn what_was_recorded_of_one_connection_opens_no_other() {
    let (asking, hello) = Asking::begin(&known());
    let (answer, _, _) = secret::answer(&known(), &hello).unwrap();
    let (mut sealer, _) = asking.finish(&answer).unwrap();
    let recorded = sealer.seal(b"client_ready");
    // The handshake's first message may be sent again, but what followed it cannot be read.
    let (second, _, mut opener) = secret::answer(&known(), &hello).unwrap();
    assert_ne!(second, answer);
    let read = opener.open(&mut BytesMut::from(&recorded[..]), &mut BytesMut::new());
    assert_eq!(read, Err(Mismatch));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_sealed_comes_out_in_any_pieces(
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90_000), 0..4),
        size in 1_usize..70_000,
    ) {
        let secret = known();
        let (asking, hello) = Asking::begin(&secret);
        let (answer, _, mut opener) = secret::answer(&secret, &hello).unwrap();
        let (mut sealer, _) = asking.finish(&answer).unwrap();
        let sealed: Vec<u8> = texts.iter().flat_map(|text| sealer.seal(text)).collect();
        let (mut waiting, mut plain) = (BytesMut::new(), BytesMut::new());
        for piece in sealed.chunks(size) {
            waiting.extend_from_slice(piece);
            opener.open(&mut waiting, &mut plain).unwrap();
        }
        prop_assert!(waiting.is_empty());
        prop_assert_eq!(plain.to_vec(), texts.concat());
    }

    #[test]
    fn no_changed_bit_gets_through(
        text in prop::collection::vec(any::<u8>(), 1..200),
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let secret = known();
        let (asking, hello) = Asking::begin(&secret);
        let (answer, _, mut opener) = secret::answer(&secret, &hello).unwrap();
        let (mut sealer, _) = asking.finish(&answer).unwrap();
        let mut sealed = BytesMut::from(&sealer.seal(&text)[..]);
        let place = 2 + place.index(sealed.len() - 2);
        sealed[place] ^= 1 << bit;
        prop_assert_eq!(opener.open(&mut sealed, &mut BytesMut::new()), Err(Mismatch));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let secret = known();
        prop_assert!(secret::answer(&secret, &bytes).is_err());
        let (asking, hello) = Asking::begin(&secret);
        prop_assert!(asking.finish(&bytes).is_err());
        let (_, _, mut opener) = secret::answer(&secret, &hello).unwrap();
        opener.open(&mut BytesMut::from(&bytes[..]), &mut BytesMut::new()).ok();
    }
}

/// What becomes of a worker and its master that trust like this.
async fn meet(master: Trust, worker: Trust) -> (Arrival, Event) {
    let mut router = Router::bind("127.0.0.1", 0, master).expect("it is there");
    let mut dealer = Dealer::connect("127.0.0.1", router.port(), b"w", worker);
    let (arrival, event) = tokio::join!(router.arrival(), dealer.event());
    (arrival.expect("it is there"), event.expect("it is there"))
}

#[tokio::test]
async fn both_sides_say_what_is_wrong() {
    use ConnectionError::{Mismatch, Unarmed, Wanted};
    let secret = || Trust::Secret(known());
    let stock_too = || Trust::SecretOrStock(known());
    for master in [secret(), stock_too()] {
        let met = meet(master, secret()).await;
        assert!(
            matches!(met, (Arrival::Joined(..), Event::Connected)),
            "{met:?}"
        );
    }
    let met = meet(stock_too(), Trust::Anyone).await;
    assert!(
        matches!(met, (Arrival::Joined(..), Event::Connected)),
        "{met:?}"
    );

    let met = meet(secret(), Trust::Anyone).await;
    assert!(
        matches!(
            met,
            (Arrival::Refused(_, Unarmed), Event::Disconnected(Wanted))
        ),
        "{met:?}"
    );
    let met = meet(Trust::Anyone, secret()).await;
    assert!(
        matches!(
            met,
            (Arrival::Refused(_, Wanted), Event::Disconnected(Unarmed))
        ),
        "{met:?}"
    );
    for master in [secret(), stock_too()] {
        let met = meet(master, Trust::Secret(other())).await;
        assert!(
            matches!(
                met,
                (
                    Arrival::Refused(_, Mismatch(_)),
                    Event::Disconnected(Mismatch(_))
                )
            ),
            "{met:?}"
        );
    }
}

/// Passes one connection on and returns what went to the master and what came from it.
async fn recorded(listener: TcpListener, master: u16) -> (Vec<u8>, Vec<u8>) {
    async fn pass(
        mut from: tokio::net::tcp::OwnedReadHalf,
        mut to: tokio::net::tcp::OwnedWriteHalf,
    ) -> Vec<u8> {
        let (mut all, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            all.extend_from_slice(&piece[..length]);
            to.write_all(&piece[..length])
                .await
                .expect("the loopback works");
        }
        to.shutdown().await.ok();
        all
    }
    let (worker, _) = listener.accept().await.expect("the loopback works");
    let master = TcpStream::connect(("127.0.0.1", master))
        .await
        .expect("the loopback works");
    let (from_worker, to_worker) = worker.into_split();
    let (from_master, to_master) = master.into_split();
    tokio::join!(pass(from_worker, to_master), pass(from_master, to_worker))
}

#[tokio::test]
async fn who_listens_reads_nothing_and_who_replays_is_refused() {
    let mut router = Router::bind("127.0.0.1", 0, Trust::Secret(known())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut wire = tokio::task::JoinSet::new();
    wire.spawn(recorded(listener, router.port()));
    let mut dealer = Dealer::connect("127.0.0.1", port, b"worker-one", Trust::Secret(known()));
    let Some(Arrival::Joined(peer, _)) = router.arrival().await else {
        panic!("it may join");
    };
    assert!(matches!(dealer.event().await, Some(Event::Connected)));
    dealer.send(b"a word of the worker");
    let Some(Arrival::Message(_, payload)) = router.arrival().await else {
        panic!("no message");
    };
    assert_eq!(&payload[..], b"a word of the worker");
    router.send(&peer, b"a word of the master").unwrap();
    let Some(Event::Message(payload)) = dealer.event().await else {
        panic!("no message");
    };
    assert_eq!(payload, Bytes::from_static(b"a word of the master"));
    router.disconnect(&peer);
    dealer.close(std::time::Duration::from_secs(5)).await;

    let (sent, received) = wire.join_next().await.unwrap().unwrap();
    for capture in [&sent, &received] {
        for text in ["worker-one", "a word of", "READY", "DEALER", "ROUTER"] {
            let found = capture.windows(text.len()).any(|it| it == text.as_bytes());
            assert!(!found, "{text:?} can be read on the wire");
        }
    }
    // All that the worker sent, once more.
    let mut replay = TcpStream::connect(("127.0.0.1", router.port()))
        .await
        .unwrap();
    replay.write_all(&sent).await.unwrap();
    loop {
        match router.arrival().await {
            Some(Arrival::Left(..)) => {}
            Some(Arrival::Refused(_, ConnectionError::Mismatch(_))) => break,
            other => panic!("{other:?}"),
        }
    }
}
