//! Forms, JSON, queries and paths of any kind get an answer: nothing breaks the server.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{FORM, Served};

const MULTIPART: &str = "multipart/form-data; boundary=x";

/// One request: path, type of the body, body.
fn requests() -> impl Strategy<Value = (String, &'static str, String)> {
    let paths = prop::sample::select(vec![
        "/swarm",
        "/user",
        "/stop",
        "/stats/reset",
        "/api/v1/start",
        "/api/v1/stop",
    ]);
    let query = "(\\?([a-z_]{0,8}(=[a-z0-9%+&.-]{0,12})?&?){0,3})?";
    let path = (paths, query).prop_map(|(path, query)| format!("{path}{query}"));
    let form =
        "((user_count|spawn_rate|host|run_time|user_classes|x)=([0-9.e+-]{0,9}|[^&]{0,9})&){0,5}";
    let json = "\\{(\"(users|spawn_rate|host|run_time|user_classes)\": ?(-?[0-9]{1,25}(\\.[0-9]{1,3})?|null|true|\"[a-z0-9]{0,5}\"|\\[\\]),?){0,5}\\}";
    let parts = "(--x(\r\n|--)?|Content-Disposition: form-data; name=\"[a-z_]{0,9}\"|\r\n|[^\r\n]{0,9}){0,9}";
    let media = prop::sample::select(vec![FORM, MULTIPART, "application/json", "text/plain"]);
    let body = prop_oneof![form, json, parts, ".{0,40}"];
    (path, media, body)
}

#[test]
fn any_input_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let served = runtime.block_on(Served::new());
    let served = std::cell::RefCell::new(served);
    let cases = Config {
        // Nothing is written beside the sources.
        failure_persistence: None,
        ..Config::with_cases(400)
    };
    let asked = |(path, media, body): (String, &str, String)| {
        let mut served = served.borrow_mut();
        let reply = runtime.block_on(served.post(&path, media, &body));
        prop_assert!(reply.status.is_success() || !reply.text.is_empty());
        let alive = runtime.block_on(served.get("/api/v1/run"));
        prop_assert!(alive.status.is_success());
        Ok(())
    };
    TestRunner::new(cases)
        .run(&requests(), asked)
        .unwrap_or_else(|error| panic!("{error}"));
}
