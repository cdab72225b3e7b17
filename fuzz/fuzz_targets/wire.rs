//! What a stranger may send to a master: frames, messages, statistics.

#![no_main]

use bytes::BytesMut;
use katydid_core::registry::Registry;
use katydid_wire::message::Message;
use katydid_wire::report;
use katydid_wire::zmtp::Decoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::new(1 << 20);
    let mut input = BytesMut::from(bytes);
    while let Ok(Some(_)) = decoder.next(&mut input) {}
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(Message::decode(&message.encode()).expect("ours"), message);
        let _ = report::decode(&message.data, &Registry::new());
    }
});
