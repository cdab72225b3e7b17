//! What may stand in a store, or in a run that somebody has sent, instead of what was counted.

#![no_main]

use katydid_core::window::{Second, Window};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(window) = Window::from_bytes(bytes) {
        assert_eq!(Window::from_bytes(&window.to_bytes()).as_ref(), Ok(&window));
        let mut double = window.clone();
        double.merge(&window);
        double.total().response_times();
    }
    if let Ok(seconds) = Second::all_from_bytes(bytes) {
        let again = Second::all_from_bytes(&Second::all_to_bytes(&seconds));
        assert_eq!(again, Ok(seconds));
    }
});
