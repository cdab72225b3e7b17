//! The demo target: what scripts rely on, and what broken servers do.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use katydid::target;
use katydid_http::timing::Stamp;
use katydid_http::tls::Tls;
use katydid_http::{Client, Config, Error, Exchange, Request, Timeouts};
use tokio_util::sync::CancellationToken;

use crate::{client, config, get, run};

/// Runs one test body on a runtime of its own, with a target of its own.
fn with_target<F: Future<Output = ()>>(body: impl FnOnce(String) -> F) {
    with_target_of(target::Config::default(), body);
}

fn with_target_of<F: Future<Output = ()>>(config: target::Config, body: impl FnOnce(String) -> F) {
    let target = target::run(config, &CancellationToken::new()).unwrap();
    let url = target.url();
    run(body(url));
}

async fn text(client: &Client, url: &str) -> String {
    let exchange = client.send(get(url)).await;
    String::from_utf8(exchange.result.unwrap().body.to_vec()).unwrap()
}

async fn error(client: &Client, url: &str) -> Error {
    client.send(get(url)).await.result.unwrap_err()
}

#[test]
fn bodies_arrive_however_they_are_delimited_or_encoded() {
    with_target(|url| async move {
        let client = client();
        for path in [
            "/chunked",
            "/close-delimited",
            "/gzip",
            "/deflate",
            "/br",
            "/zstd",
            "/bytes/100000",
        ] {
            let exchange = client.send(get(&format!("{url}{path}"))).await;
            let response = exchange
                .result
                .unwrap_or_else(|error| panic!("{path}: {}", error.chain()));
            assert_eq!(response.status, 200, "{path}");
            assert!(!response.body.is_empty(), "{path}");
        }
        assert_eq!(
            client
                .send(get(&format!("{url}/bytes/0")))
                .await
                .result
                .unwrap()
                .body
                .len(),
            0
        );
    });
}

#[test]
fn stamps_come_in_order() {
    with_target(|url| async move {
        let exchange = client().send(get(&format!("{url}/latency?ms=20"))).await;
        let timing = exchange.timing;
        assert!(timing.due <= timing.taken_up && timing.taken_up < timing.sent);
        assert!(timing.sent < timing.first_byte && timing.first_byte <= timing.done);
        assert!(timing.connect > 0 && timing.tls == 0);
        assert!(
            timing.service() >= 20_000_000,
            "never less than the server took: {timing:?}"
        );
    });
}

#[test]
fn a_connection_is_reused_and_survives_cooling() {
    with_target(|url| async move {
        let client = client();
        let first = client.send(get(&format!("{url}/"))).await;
        assert!(first.timing.connect > 0);
        client.cool(Stamp::now(), Duration::ZERO);
        let second = client.send(get(&format!("{url}/"))).await;
        assert_eq!(second.timing.connect, 0, "no new connection");
        second.result.unwrap();
    });
}

#[test]
fn a_stale_connection_is_replaced_in_silence() {
    with_target(|url| async move {
        let client = client();
        for _ in 0..6 {
            client
                .send(get(&format!("{url}/drop-after/1?when=next")))
                .await
                .result
                .unwrap();
        }
        for _ in 0..6 {
            client
                .send(get(&format!("{url}/drop-after/2")))
                .await
                .result
                .unwrap();
        }
    });
}

#[test]
fn redirects_are_followed_with_their_history() {
    with_target(|url| async move {
        let client = client();
        let exchange = client.send(get(&format!("{url}/redirect/3"))).await;
        assert_eq!(exchange.history.len(), 3);
        assert_eq!(exchange.result.unwrap().status, 200);
        let kept = Request {
            redirects: None,
            ..get(&format!("{url}/redirect/3"))
        };
        assert_eq!(client.send(kept).await.result.unwrap().status, 302);
        assert!(matches!(
            error(&client, &format!("{url}/redirect-loop")).await,
            Error::TooManyRedirects { limit: 30 }
        ));
        client
            .send(get(&format!("{url}/relative-redirect")))
            .await
            .result
            .unwrap();
    });
}

#[test]
fn cookies_are_kept_sent_and_forgotten() {
    with_target(|url| async move {
        let client = client();
        assert!(
            text(&client, &format!("{url}/cookies/set?flavour=oat"))
                .await
                .contains("oat"),
            "across the redirect"
        );
        assert!(
            text(&client, &format!("{url}/cookies"))
                .await
                .contains("oat")
        );
        assert_eq!(client.cookies.lock().all().len(), 1);
        client.cookies.lock().replace(&[]);
        assert!(
            !text(&client, &format!("{url}/cookies"))
                .await
                .contains("oat")
        );
    });
}

#[test]
fn basic_auth_opens_the_door() {
    with_target(|url| async move {
        let url = format!("{url}/basic-auth/ann/secret");
        let client = client();
        assert_eq!(client.send(get(&url)).await.result.unwrap().status, 401);
        let mut request = get(&url);
        let value: HeaderValue = katydid_http::request::basic_auth("ann", "secret");
        Arc::make_mut(&mut request.headers).insert(http::header::AUTHORIZATION, value);
        assert_eq!(client.send(request).await.result.unwrap().status, 200);
    });
}

#[test]
fn broken_servers_are_failed_requests_with_a_reason() {
    with_target(|url| async move {
        let client = client();
        let broken = |kind: &str| format!("{url}/broken/{kind}");
        assert!(matches!(
            error(&client, &broken("close")).await,
            Error::Closed
        ));
        assert!(matches!(
            error(&client, &broken("reset")).await,
            Error::Broken(_) | Error::Closed
        ));
        assert!(matches!(
            error(&client, &broken("garbage")).await,
            Error::Protocol { .. }
        ));
        assert!(matches!(
            error(&client, &broken("cut-length")).await,
            Error::Truncated { .. }
        ));
        assert!(matches!(
            error(&client, &broken("cut-chunk")).await,
            Error::Truncated { .. }
        ));
        assert!(matches!(
            error(&client, &broken("endless-headers")).await,
            Error::Protocol { .. }
        ));
        assert!(matches!(
            error(&client, &broken("bad-length")).await,
            Error::Protocol { .. }
        ));
        assert!(matches!(
            error(&client, &broken("bad-gzip")).await,
            Error::Decode { .. }
        ));
        assert!(matches!(
            error(&client, &broken("half-head")).await,
            Error::Truncated { .. } | Error::Closed
        ));
    });
}

#[test]
fn time_limits_hold() {
    with_target(|url| async move {
        let client = client();
        let mut frozen = get(&format!("{url}/broken/freeze"));
        frozen.timeouts = Timeouts {
            read: Some(Duration::from_millis(50)),
            ..Timeouts::default()
        };
        assert!(matches!(
            client.send(frozen.clone()).await.result,
            Err(Error::ReadTimeout { .. })
        ));
        frozen.timeouts = Timeouts {
            total: Some(Duration::from_millis(50)),
            ..Timeouts::default()
        };
        assert!(matches!(
            client.send(frozen).await.result,
            Err(Error::TotalTimeout { .. })
        ));
    });
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    with_target(|url| async move {
        let client = Client::new(Arc::new(Config {
            body_limit: 1000,
            ..config()
        }));
        assert!(matches!(
            error(&client, &format!("{url}/bytes/5000")).await,
            Error::TooLarge { limit: 1000 }
        ));
    });
}

#[test]
fn nobody_listening_is_a_refused_connection() {
    with_target(|_| async move {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let error = error(&client(), &url).await;
        assert!(matches!(error, Error::Connect { .. }));
        assert!(error.os_error().is_some());
    });
}

#[test]
fn tls_is_spoken_and_strangers_are_refused() {
    let tls = target::Config {
        tls: true,
        ..target::Config::default()
    };
    with_target_of(tls, |url| async move {
        let exchange: Exchange = client().send(get(&format!("{url}/"))).await;
        assert!(exchange.timing.tls > 0);
        exchange.result.unwrap();
        let strict = Config {
            tls: Tls::default().load().unwrap(),
            ..config()
        };
        assert!(matches!(
            error(&Client::new(Arc::new(strict)), &format!("{url}/")).await,
            Error::Tls { .. }
        ));
    });
}
