//! Names and errors keep their numbers, and there is an end to them.

use katydid_core::registry::{ErrorId, KeyId, MAX_ERRORS, MAX_NAMES, Registry};

#[test]
fn the_same_name_has_the_same_number() {
    let registry = Registry::new();
    let get = registry.key("GET", "/");
    let post = registry.key("POST", "/");
    assert_ne!(get, post);
    assert_eq!(registry.key("GET", "/"), get);
    assert_eq!(&*registry.name(post).method, "POST");
    let new: Vec<_> = registry
        .names_from(get.index())
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(new, [get, post]);
}

#[test]
fn names_beyond_the_limit_are_other() {
    let registry = Registry::new();
    for i in 0..MAX_NAMES {
        assert_ne!(registry.key("GET", &format!("/{i}")), KeyId::OTHER);
    }
    assert_eq!(registry.key("GET", "/one more"), KeyId::OTHER);
    assert_ne!(registry.key("GET", "/0"), KeyId::OTHER);
    assert_eq!(&*registry.name(KeyId::OTHER).name, "(other)");
}

#[test]
fn errors_beyond_the_limit_are_other() {
    let registry = Registry::new();
    let key = registry.key("GET", "/");
    for i in 0..MAX_ERRORS {
        assert_ne!(registry.error(key, &format!("error {i}")), ErrorId::OTHER);
    }
    assert_eq!(registry.error(key, "one more"), ErrorId::OTHER);
    assert_eq!(&*registry.error_name(ErrorId::OTHER).text, "(other errors)");
}

#[test]
fn errors_are_told_apart_by_name_and_text() {
    let registry = Registry::new();
    let (one, other) = (registry.key("GET", "/1"), registry.key("GET", "/2"));
    let error = registry.error(one, "broken");
    assert_eq!(registry.error(one, "broken"), error);
    assert_ne!(registry.error(other, "broken"), error);
    assert_ne!(registry.error(one, "torn"), error);
    assert_eq!(registry.error_name(error).key, one);
}

#[test]
fn memory_addresses_are_made_equal_as_in_locust() {
    let table = [
        ("<Foo object at 0x7f12ab>", "<Foo object at 0x....>"),
        ("<A object at 0x1f> 0x1f", "<A object at 0x....> 0x...."),
        ("<B object at 0xAB12, x>", "<B object at 0x....>"),
        ("> object at 0x12>", "> object at 0x....>"),
        ("object at 0x", "object at 0x"),
        ("x object at 0x12ab y", "x object at 0x12ab y"),
        ("no address", "no address"),
    ];
    let registry = Registry::new();
    for (text, expected) in table {
        let error = registry.error(KeyId::OTHER, text);
        assert_eq!(&*registry.error_name(error).text, expected);
    }
}
