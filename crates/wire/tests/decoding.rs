//! The decoders on what peers send and on what nobody should send.

use bytes::BytesMut;
use katydid_core::dispatch::Users;
use katydid_wire::protocol::{Assignment, Order, Orders};
use katydid_wire::zmtp::{Decoder, Item, Mechanism, Role, ZmtpError, greeting, message, ready};
use katydid_wire::{Message, Value};
use proptest::prelude::*;

fn conversation(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = greeting(Mechanism::Null).to_vec();
    bytes.extend_from_slice(&ready(Role::Dealer, b"worker"));
    for payload in payloads {
        bytes.extend_from_slice(&message(payload));
    }
    bytes
}

/// Feeds bytes in pieces and collects the items.
fn fed(bytes: &[u8], pieces: usize, limit: usize) -> Result<Vec<Item>, ZmtpError> {
    let (mut decoder, mut buffer, mut items) = (Decoder::new(limit), BytesMut::new(), vec![]);
    for piece in bytes.chunks(pieces.max(1)) {
        buffer.extend_from_slice(piece);
        while let Some(item) = decoder.next(&mut buffer)? {
            items.push(item);
        }
    }
    Ok(items)
}

proptest! {
    #[test]
    fn messages_survive_in_any_pieces(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..5),
        pieces in 1_usize..700,
    ) {
        let items = fed(&conversation(&payloads), pieces, 1_000).unwrap();
        prop_assert_eq!(&items[0], &Item::Greeting(Mechanism::Null));
        prop_assert_eq!(&items[1], &Item::Ready("worker".into()));
        let received: Vec<_> = items[2..].iter().map(|item| match item {
            Item::Message(payload) => payload.to_vec(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(received, payloads);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        greeted in any::<bool>(),
        introduced in any::<bool>(),
        pieces in 1_usize..100,
    ) {
        let mut all = Vec::new();
        if greeted {
            all.extend_from_slice(&greeting(Mechanism::Null));
            if introduced {
                all.extend_from_slice(&ready(Role::Router, b""));
            }
        }
        all.extend_from_slice(&bytes);
        fed(&all, pieces, 300).ok();
        Message::decode(&bytes).ok();
    }

    #[test]
    fn a_message_is_what_it_was(kind in ".{0,20}", node in prop::option::of(".{0,20}"), data in value()) {
        let message = Message { kind, data, node };
        prop_assert_eq!(Message::decode(&message.encode()).unwrap(), message);
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        ".{0,10}".prop_map(|text| Value::from(text.as_str())),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((inner.clone(), inner), 0..5).prop_map(Value::from),
        ]
    })
}

#[test]
fn what_breaks_the_rules_is_refused_with_a_reason() {
    let with = |tail: &[u8]| {
        let mut bytes = conversation(&[]);
        bytes.extend_from_slice(tail);
        fed(&bytes, 1_000, 100).unwrap_err().to_string()
    };
    assert_eq!(
        with(&[0, 101]),
        "a frame of 101 bytes, 100 are allowed",
        "before its body is there"
    );
    assert_eq!(
        with(&[2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        format!("a frame of {} bytes, 100 are allowed", u64::MAX)
    );
    assert_eq!(with(&[1, 0]), "a frame with flags 0x1", "one of several");
    assert_eq!(with(&[8, 0]), "a frame with flags 0x8");
    assert_eq!(with(b"\x04\x00"), "a broken command");
    assert_eq!(with(b"\x04\x09\x05ERROR\x02no"), "the peer refused: no");

    let mut curve = greeting(Mechanism::Null);
    curve[12..17].copy_from_slice(b"CURVE");
    let error = fed(&curve, 64, 100).unwrap_err();
    assert!(error.to_string().contains("\"CURVE\""), "{error}");
    assert_eq!(fed(b"GET / HTTP", 10, 100), Err(ZmtpError::Greeting));
    let mut early = greeting(Mechanism::Null).to_vec();
    early.extend_from_slice(&message(b"before READY"));
    assert_eq!(fed(&early, 100, 100), Err(ZmtpError::Command));
}

#[test]
fn a_ping_is_answered_with_what_it_carried() {
    let mut bytes = conversation(&[]);
    bytes.extend_from_slice(b"\x04\x0a\x04PING\x00\x0aabc");
    let items = fed(&bytes, 7, 100).unwrap();
    assert_eq!(items[2], Item::Pong(b"\x04\x08\x04PONGabc"[..].into()));
}

#[test]
fn deep_or_huge_msgpack_is_an_error() {
    let mut deep = vec![0x91; 100_000];
    deep.push(0xc0);
    assert!(Message::decode(&deep).is_err());
    assert!(Message::decode(&[0xdd, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(
        Message::decode(b"\x93\xa1x\xc0\xa1y\x00").is_err(),
        "trailing"
    );
    assert!(Message::decode(b"\x92\xa1x\xc0").is_err(), "two parts");
    assert!(
        Message::decode(b"\x93\xa1\xff\xc0\xa1y").is_err(),
        "not UTF-8"
    );
    assert_eq!(
        Message::decode(b"\x93\xa1x\xc0\xc0").unwrap().node,
        None,
        "some masters name themselves not"
    );
}

#[test]
fn an_assignment_made_in_parts_is_the_one_made_whole() {
    let options = Value::Map(vec![
        ("tags".into(), Value::Nil),
        ("users".into(), 7.into()),
    ]);
    for (host, classes) in [(None, 0), (Some("http://target"), 20)] {
        let users: Users = (0..classes)
            .map(|class| (format!("Class{class}"), class))
            .collect();
        let whole = Order::Assign(Assignment {
            timestamp: 1.5,
            users: users.clone(),
            host: host.map(str::to_owned),
            stop_timeout: 2.0,
            options: options.clone(),
        });
        let orders = Orders::new(host, 2.0, &options, "master");
        assert_eq!(orders.assign(1.5, &users), whole.message("master").encode());
    }
}
