//! Texts that servers and scripts make are shown to people: whatever they are, secrets are hidden.

use katydid_core::{fingerprint, redact};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_text_has_a_pattern_and_a_kind(text in "\\PC*|.*|([a-zA-Z]{1,9}\\(['\"]?.{0,40}['\"]?\\))") {
        let pattern = fingerprint::pattern(&text);
        prop_assert!(text.len() > 1_000 || pattern.len() <= 8 * text.len().max(1));
        fingerprint::kind(&text);
    }

    #[test]
    fn numbers_do_not_make_another_pattern(numbers in prop::collection::vec(1000..u32::MAX, 2)) {
        let text = |number: &u32| fingerprint::pattern(&format!("ValueError('item {number} of 7: (id={number})')"));
        prop_assert_eq!(text(&numbers[0]), text(&numbers[1]));
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands(
        before in ".{0,60}",
        after in ".{0,60}",
        name in "password|access_token|X-Api-Key|Set-Cookie|client_secret|JSESSIONID_session",
        sign in "=|: |\": \"|':'|\\\\\":\\\\\"|%3D|\", \"|\" value=\"",
        secret in "[A-Z0-9]{12}",
    ) {
        prop_assume!(!before.contains(&secret) && !after.contains(&secret));
        let text = format!("{before} {name}{sign}{secret} {after}");
        let shown = redact::text(&text);
        prop_assert!(!shown.contains(&secret), "{shown}");
        let url = redact::url(&format!("http://a.test/{before}?{name}={secret}&x={after}"));
        prop_assert!(before.contains('#') || !url.contains(&secret), "{url}");
        let url = redact::url(&format!("http://ann:{secret}@a.test/?{after}"));
        prop_assert!(!url.contains(&secret), "{url}");
    }
}
