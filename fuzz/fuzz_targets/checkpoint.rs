//! What may stand in a store instead of a checkpoint.

#![no_main]

use katydid_core::registry::Registry;
use katydid_node::checkpoint::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let registry = Registry::new();
    if let Ok(checkpoint) = Checkpoint::decode(bytes, &registry) {
        let again = Checkpoint::decode(&checkpoint.encode(&registry), &registry);
        assert!(again.is_ok());
    }
});
