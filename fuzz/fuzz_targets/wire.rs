//! What a stranger may send to a master: frames, handshakes, sealed messages, statistics.

#![no_main]

use std::sync::LazyLock;

use bytes::BytesMut;
use katydid_core::registry::Registry;
use katydid_wire::example;
use katydid_wire::message::Message;
use katydid_wire::report;
use katydid_wire::secret::{self, Asking, JoinSecret};
use katydid_wire::zmtp::Decoder;
use libfuzzer_sys::fuzz_target;

static SECRET: LazyLock<JoinSecret> =
    LazyLock::new(|| JoinSecret::new(b"0123456789abcdef").expect("long enough"));

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::new(1 << 20);
    let mut input = BytesMut::from(bytes);
    while let Ok(Some(_)) = decoder.next(&mut input) {}
    assert!(secret::answer(&SECRET, bytes).is_err(), "nobody guesses");
    let (asking, hello) = Asking::begin(&SECRET);
    let (_, _, mut opener) = secret::answer(&SECRET, &hello).expect("the same secret");
    let _ = opener.open(&mut BytesMut::from(bytes), &mut BytesMut::new());
    assert!(asking.finish(bytes).is_err());
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(Message::decode(&message.encode()).expect("ours"), message);
        let _ = report::decode(&message.data, &Registry::new());
        let _ = example::decode(&message.data, &Registry::new());
    }
});
