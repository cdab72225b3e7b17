//! Connections: each has so long to say what it wants, and there are so many of them at most.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many connections there may be; when there are more, those leave that have asked for nothing
/// yet, or else those that have been silent longest. Browsers keep about six each.
const MOST: usize = 4_096;
/// How long a visitor may take to say what it wants, how long it may be silent, and how long it may
/// take to leave.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Everybody who is connected.
pub(crate) struct Guests {
    tracker: TaskTracker,
    present: Arc<Mutex<Present>>,
}

struct Present {
    most: usize,
    count: usize,
    tick: u64,
    /// What asks one to leave. It is taken out then, and counts until it has left.
    by_merit: BTreeMap<Merit, CancellationToken>,
}

/// Whether one has asked for anything, and when it was heard last.
type Merit = (bool, u64);

/// One who is connected, as long as this lives.
struct Guest {
    present: Arc<Mutex<Present>>,
    merit: Mutex<Merit>,
}

impl Default for Guests {
    fn default() -> Self {
        Self::at_most(MOST)
    }
}

impl Guests {
    fn at_most(most: usize) -> Self {
        let present = Present {
            most,
            count: 0,
            tick: 0,
            by_merit: BTreeMap::new(),
        };
        Self {
            tracker: TaskTracker::new(),
            present: Arc::new(Mutex::new(present)),
        }
    }

    /// Answers a visitor until it leaves, or is asked to by the end of the server.
    pub(crate) fn receive(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        routes: Router,
        shutdown: &CancellationToken,
    ) {
        let leave = shutdown.child_token();
        let guest = Guest {
            merit: Mutex::new(self.present.lock().enter(leave.clone())),
            present: Arc::clone(&self.present),
        };
        self.tracker
            .spawn(converse(stream, peer, routes, guest, leave));
    }

    /// Waits until everybody has left.
    pub(crate) async fn empty(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Present {
    fn enter(&mut self, leave: CancellationToken) -> Merit {
        if self.count >= self.most
            && let Some((_, least)) = self.by_merit.pop_first()
        {
            least.cancel();
        }
        self.count += 1;
        self.put(false, leave)
    }

    fn put(&mut self, has_asked: bool, leave: CancellationToken) -> Merit {
        self.tick += 1;
        self.by_merit.insert((has_asked, self.tick), leave);
        (has_asked, self.tick)
    }
}

impl Guest {
    /// Notes that it has asked for something.
    fn asks(&self) {
        let mut present = self.present.lock();
        let mut merit = self.merit.lock();
        if let Some(leave) = present.by_merit.remove(&merit) {
            *merit = present.put(true, leave);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut present = self.present.lock();
        present.count -= 1;
        present.by_merit.remove(&*self.merit.lock());
    }
}

/// Answers one visitor. One that breaks off has nobody to tell.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    routes: Router,
    guest: Guest,
    leave: CancellationToken,
) {
    let routes = TowerToHyperService::new(routes);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        guest.asks();
        request.extensions_mut().insert(ConnectInfo(peer));
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = leave.cancelled() => {
            connection.as_mut().graceful_shutdown();
            // A stream that is cut off is taken up again by who reads it.
            let _ = timeout(PATIENCE, connection).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

    struct House {
        guests: Guests,
        shutdown: CancellationToken,
    }

    impl House {
        fn for_at_most(most: usize) -> Self {
            Self {
                guests: Guests::at_most(most),
                shutdown: CancellationToken::new(),
            }
        }

        fn enter(&self) -> DuplexStream {
            let (visitor, stream) = duplex(64 * 1024);
            let routes = Router::new().route("/", get(|| async { "welcome" }));
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            self.guests.receive(stream, peer, routes, &self.shutdown);
            visitor
        }
    }

    async fn ask(visitor: &mut DuplexStream) -> String {
        visitor.write_all(REQUEST).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with("welcome") {
            let mut piece = [0; 1024];
            let length = visitor.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "{answer}");
            answer += std::str::from_utf8(&piece[..length]).unwrap();
        }
        answer
    }

    /// How long it takes until the other side hangs up.
    async fn end(mut visitor: DuplexStream) -> Duration {
        let start = Instant::now();
        let mut rest = Vec::new();
        visitor.read_to_end(&mut rest).await.unwrap();
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_half_a_request_or_is_silent_is_not_waited_for() {
        let house = House::for_at_most(8);
        let silent = house.enter();
        let mut slow = house.enter();
        slow.write_all(&REQUEST[..20]).await.unwrap();
        let mut done = house.enter();
        ask(&mut done).await;
        for visitor in [silent, slow, done] {
            assert!(end(visitor).await <= PATIENCE + Duration::from_secs(1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn when_there_are_too_many_the_silent_leave() {
        let house = House::for_at_most(3);
        let mut guests = [house.enter(), house.enter(), house.enter()];
        let [first, _, second] = &mut guests;
        ask(second).await;
        ask(first).await;
        let mut third = house.enter();
        ask(&mut third).await;
        let [mut first, silent, second] = guests;
        assert_eq!(end(silent).await, Duration::ZERO);
        let mut fourth = house.enter();
        ask(&mut fourth).await;
        assert_eq!(end(second).await, Duration::ZERO);
        ask(&mut first).await;
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_everybody_leaves() {
        let house = House::for_at_most(2);
        let mut visitor = house.enter();
        ask(&mut visitor).await;
        house.shutdown.cancel();
        house.guests.empty().await;
        assert_eq!(end(visitor).await, Duration::ZERO);
    }
}
