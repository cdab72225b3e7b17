//! The counts are exactly what a client sent.

use std::collections::BTreeMap;
use std::thread;

use katydid::target::Config;
use serde_json::json;

use crate::client::{Client, get};
use crate::{target, target_with};

#[test]
fn counts_equal_what_many_clients_sent_to_many_threads() {
    let target = target_with(Config {
        threads: 4,
        ..Config::default()
    });
    let paths = [
        "/",
        "/item/7?x=1",
        "/item/101",
        "/status/503",
        "/bytes/40000",
        "/nowhere",
    ];
    let clients: Vec<_> = (0..12)
        .map(|number| {
            let mut client = Client::to(&target);
            thread::spawn(move || {
                let mut sent: BTreeMap<(String, u16), u64> = BTreeMap::new();
                for turn in 0..300 {
                    let path = paths[(number + turn) % paths.len()];
                    let status = client.get(path).status;
                    *sent.entry((format!("GET {path}"), status)).or_default() += 1;
                }
                sent
            })
        })
        .collect();
    let mut sent: BTreeMap<(String, u16), u64> = BTreeMap::new();
    for client in clients {
        for (key, count) in client.join().unwrap() {
            *sent.entry(key).or_default() += count;
        }
    }
    let truth = get(&target, "/_truth").json();
    assert_eq!(truth["total"], 12 * 300);
    for ((path, _), count) in &sent {
        assert_eq!(truth["by_path"][path], *count, "{path}");
    }
    let routes = &truth["by_route"];
    assert_eq!(
        routes["GET /item/{id}"],
        json!({ "count": 1200, "by_status": { "200": 600, "404": 600 } })
    );
    assert_eq!(
        routes["GET /status/{code}"]["by_status"],
        json!({ "503": 600 })
    );
    assert_eq!(routes["GET (unknown)"]["by_status"], json!({ "404": 600 }));
}

#[test]
fn its_own_requests_are_not_counted_and_reset_starts_again() {
    let target = target();
    let mut client = Client::to(&target);
    client.get("/");
    client.get("/_truth");
    assert_eq!(client.get("/_truth").json()["total"], 1);
    assert_eq!(client.request("POST", "/_truth/reset", "", "").status, 200);
    let truth = client.get("/_truth").json();
    assert_eq!(truth["total"], 0);
    assert_eq!(truth["by_path"], json!({}));
    assert_eq!(truth["durations_us"], json!({}));
    client.get("/item/1");
    assert_eq!(
        client.get("/_truth").json()["by_path"],
        json!({ "GET /item/1": 1 })
    );
}

#[test]
fn a_request_begun_before_a_reset_does_not_count_after_it() {
    let target = target();
    let mut slow = Client::to(&target);
    slow.send("GET /broken/freeze HTTP/1.1\r\n\r\n");
    while target.truth()["unfinished"] == 0 {
        thread::yield_now();
    }
    let mut client = Client::to(&target);
    client.request("POST", "/_truth/reset", "", "");
    drop(slow);
    client.get("/");
    let truth = client.get("/_truth").json();
    assert_eq!((&truth["total"], &truth["records"]), (&json!(1), &json!(1)));
}

#[test]
fn beyond_ten_thousand_paths_the_rest_are_counted_together() {
    let target = target();
    let mut client = Client::to(&target);
    for batch in 0..101 {
        let ids = batch * 100..(batch + 1) * 100;
        let requests = ids.map(|id| format!("GET /bytes/0?{id} HTTP/1.1\r\n\r\n"));
        client.send(requests.collect::<Vec<_>>().concat());
        for _ in 0..100 {
            client.reply().unwrap();
        }
    }
    let truth = target.truth();
    assert_eq!(truth["total"], 10_100);
    assert_eq!(truth["by_path"]["(other)"], 100);
    assert_eq!(truth["by_path"].as_object().unwrap().len(), 10_001);
    assert_eq!(truth["by_route"]["GET /bytes/{n}"]["count"], 10_100);
}

#[test]
fn the_ring_keeps_the_newest_records() {
    let target = target_with(Config {
        truth_records: 10,
        ..Config::default()
    });
    let mut client = Client::to(&target);
    for id in 1..=25 {
        client.get(&format!("/item/{id}"));
    }
    // The next exchange on the same connection begins after the last record.
    let truth = client.get("/_truth").json();
    assert_eq!(
        (&truth["records"], &truth["records_dropped"]),
        (&json!(10), &json!(15))
    );
    let mut log = Vec::new();
    target.write_truth_log(&mut log).unwrap();
    let log = String::from_utf8(log).unwrap();
    let requests: Vec<_> = log
        .lines()
        .skip(1)
        .map(|line| line.rsplit(',').next().unwrap())
        .collect();
    let wanted: Vec<_> = (16..=25).map(|id| format!("\"GET /item/{id}\"")).collect();
    assert_eq!(requests, wanted);
}

#[test]
fn the_log_has_stamps_in_order() {
    let target = target();
    let mut client = Client::to(&target);
    client.get("/slow-body?chunks=3&ms=2.5");
    client.get("/_truth");
    let mut log = Vec::new();
    target.write_truth_log(&mut log).unwrap();
    let log = String::from_utf8(log).unwrap();
    let (head, row) = log.trim_end().split_once('\n').unwrap();
    assert_eq!(
        head,
        "arrival_ns,first_byte_ns,last_byte_ns,delay_us,status,connection,route,request"
    );
    let stamps: Vec<u64> = row
        .split(',')
        .take(3)
        .map(|field| field.parse().unwrap())
        .collect();
    assert!(stamps[0] < stamps[1]);
    assert!(stamps[2] - stamps[1] >= 7_500_000);
    assert!(row.ends_with(",0,200,1,/slow-body,\"GET /slow-body?chunks=3&ms=2.5\""));
}
