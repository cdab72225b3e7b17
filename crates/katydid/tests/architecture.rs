//! The arrows between crates, and who may name what: ARCHITECTURE.md's invariant 2.

use std::process::Command;

use serde_json::Value;

/// A dependency, and the only crates that may have it.
const HOMES: &[(&str, &[&str])] = &[
    ("pyo3", &["katydid-py"]),
    ("rmpv", &["katydid-wire"]),
    ("axum", &["katydid-web"]),
    ("hyper", &["katydid-http", "katydid-web"]),
    ("opentelemetry-proto", &["katydid-push"]),
    (
        "katydid-node",
        &[
            "katydid-web",
            "katydid-host",
            "katydid-push",
            "katydid",
            "katydid-py",
        ],
    ),
    (
        "katydid-http",
        &["katydid-host", "katydid-push", "katydid", "katydid-py"],
    ),
    ("katydid-web", &["katydid-host", "katydid", "katydid-py"]),
];

#[test]
fn foreign_things_are_named_by_their_own_crates_only() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            // Tests may look at anything.
            if dependency["kind"] == "dev" {
                continue;
            }
            let used = dependency["name"].as_str().unwrap();
            if let Some((_, homes)) = HOMES.iter().find(|(thing, _)| *thing == used) {
                assert!(homes.contains(&name), "{name} names {used}");
            }
            assert!(
                name != "katydid-core" || !used.starts_with("katydid"),
                "core names {used}"
            );
        }
    }
}
