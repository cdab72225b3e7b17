//! How exactly `/latency` keeps its time, judged by the target's own log.

use crate::client::Client;
use crate::target;

#[test]
#[expect(clippy::print_stdout, reason = "the distribution is worth seeing")]
fn answers_are_never_early_and_rarely_late() {
    let target = target();
    let mut clients: Vec<_> = (0..300).map(|_| Client::to(&target)).collect();
    for _ in 0..5 {
        for (client, tenths) in clients.iter_mut().zip(5..) {
            client.send(format!(
                "GET /latency?ms={}.{} HTTP/1.1\r\n\r\n",
                tenths / 10,
                tenths % 10
            ));
        }
        for client in &mut clients {
            client.reply().unwrap();
        }
    }
    target.stop();
    let mut log = Vec::new();
    target.write_truth_log(&mut log).unwrap();
    let log = String::from_utf8(log).unwrap();
    let mut errors: Vec<u64> = log
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<u64> = line
                .split(',')
                .take(4)
                .map(|field| field.parse().unwrap())
                .collect();
            let taken = fields[1] - fields[0];
            taken
                .checked_sub(fields[3] * 1000)
                .expect("no answer is early")
        })
        .collect();
    errors.sort_unstable();
    assert_eq!(errors.len(), 1500);
    let micros = |part: usize| errors[errors.len() * part / 1000] as f64 / 1000.0;
    println!(
        "late by: p50 {} us, p90 {} us, p99 {} us",
        micros(500),
        micros(900),
        micros(990)
    );
    // Generous: a machine busy with other tests must pass. An idle one shows
    // some ten microseconds.
    assert!(micros(500) < 50_000.0);
}
