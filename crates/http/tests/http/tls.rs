//! Certificates: whom we trust, and who we are.

use std::path::PathBuf;
use std::sync::Arc;

use katydid::target;
use katydid_http::tls::{Tls, Verify};
use katydid_http::{Client, Config, Error, Response};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tokio_util::sync::CancellationToken;

use crate::{client, config, get, run};

/// A file that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("katydid-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// An authority, and a client certificate with its key that it signed, as PEM.
fn authority() -> (String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    (authority.pem(), certificate.pem() + &key.serialize_pem())
}

fn https(client_ca: Option<PathBuf>) -> target::Running {
    let config = target::Config {
        tls: true,
        tls_client_ca: client_ca,
        ..target::Config::default()
    };
    target::run(config, &CancellationToken::new()).unwrap()
}

fn fetch(tls: &Tls, url: &str) -> Result<Response, Error> {
    let client = Client::new(Arc::new(Config {
        tls: tls.load()?,
        ..config()
    }));
    run(client.send(get(url))).result
}

#[test]
fn a_ca_file_decides_whom_to_trust() {
    let target = https(None);
    let right = File::new("right-ca.pem", target.ca_pem().unwrap());
    let wrong = File::new("wrong-ca.pem", authority().0);
    let trusting = |file: &File| Tls {
        verify: Verify::CaFile(file.0.clone()),
        identity: None,
    };
    assert_eq!(fetch(&trusting(&right), &target.url()).unwrap().status, 200);
    match fetch(&trusting(&wrong), &target.url()) {
        Err(error @ Error::Tls { .. }) => {
            assert!(error.chain().contains("UnknownIssuer"), "{}", error.chain());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_systems_roots_do_not_know_a_test_server() {
    let target = https(None);
    let error = fetch(&Tls::default(), &target.url()).unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    let anyone = Tls {
        verify: Verify::Nobody,
        identity: None,
    };
    fetch(&anyone, &target.url()).unwrap();
}

#[test]
fn a_certificate_is_for_a_name() {
    let target = https(None);
    let ca = File::new("name-ca.pem", target.ca_pem().unwrap());
    let tls = Tls {
        verify: Verify::CaFile(ca.0.clone()),
        identity: None,
    };
    let port = target.address().port();
    // It speaks for 127.0.0.1 and localhost, but not for the rest of 127.0.0.0/8.
    fetch(&tls, &format!("https://localhost:{port}/")).unwrap();
    let listener = target::run(
        target::Config {
            host: "127.0.0.2".to_owned(),
            ..target::Config::default()
        },
        &CancellationToken::new(),
    );
    if listener.is_ok() {
        let strict = fetch(&tls, &format!("https://127.0.0.2:{port}/"));
        assert!(strict.is_err(), "{strict:?}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let text = File::new("text.pem", "this is no certificate\n");
    let broken = File::new(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    );
    let binary = File::new("binary.pem", [0xff, 0xfe, 0, 1]);
    let missing = std::env::temp_dir().join("katydid-no-such-file.pem");
    let (_, identity) = authority();
    let identity = File::new("identity.pem", identity);
    let places = [
        text.0.clone(),
        broken.0.clone(),
        binary.0.clone(),
        missing,
        std::env::temp_dir(),
    ];
    for path in places {
        let shown = path.display().to_string();
        let candidates = [
            (Verify::CaFile(path.clone()), None),
            (Verify::Nobody, Some((path.clone(), identity.0.clone()))),
            (Verify::Nobody, Some((identity.0.clone(), path.clone()))),
        ];
        for (verify, identity) in candidates {
            match (Tls { verify, identity }).load() {
                Err(Error::TlsFile { path, .. }) => assert_eq!(path, shown),
                other => panic!("{shown}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_server_that_wants_a_certificate_gets_ours() {
    let (ca, identity) = authority();
    let (_, strangers) = authority();
    let ca = File::new("client-ca.pem", ca);
    let identity = File::new("client.pem", identity);
    let stranger = File::new("stranger.pem", strangers);
    let target = https(Some(ca.0.clone()));
    let with = |file: Option<&File>| Tls {
        verify: Verify::Nobody,
        identity: file.map(|file| (file.0.clone(), file.0.clone())),
    };
    assert_eq!(
        fetch(&with(Some(&identity)), &target.url()).unwrap().status,
        200
    );
    for (who, tls) in [
        ("nobody", with(None)),
        ("a stranger", with(Some(&stranger))),
    ] {
        match fetch(&tls, &target.url()) {
            // With TLS 1.3 the server refuses after our side of the handshake is done.
            Err(error @ (Error::Tls { .. } | Error::Broken(_))) => {
                let words = error.chain();
                assert!(
                    words.contains("alert") || words.contains("ertificate"),
                    "{who}: {words}"
                );
            }
            other => panic!("{who}: {other:?}"),
        }
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (_, one) = authority();
    let (_, other) = authority();
    let (one, other) = (File::new("one.pem", one), File::new("other.pem", other));
    let tls = Tls {
        verify: Verify::Nobody,
        identity: Some((one.0.clone(), other.0.clone())),
    };
    assert!(matches!(tls.load(), Err(Error::TlsFile { .. })));
}

#[test]
fn a_server_without_tls_is_a_failed_handshake() {
    let server = crate::server::always(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("https://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
    });
    let error = run(client().send(get(&silent))).result.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    drop(server);
}

/// A server that tells which name a client asked for in its handshake.
fn asked_name(url_host: &str) -> Option<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut acceptor = rustls::server::Acceptor::default();
        loop {
            acceptor.read_tls(&mut stream).unwrap();
            if let Some(accepted) = acceptor.accept().unwrap() {
                return accepted.client_hello().server_name().map(str::to_owned);
            }
        }
    });
    let result = run(client().send(get(&format!("https://{url_host}:{port}/")))).result;
    assert!(matches!(result, Err(Error::Tls { .. })), "{result:?}");
    server.join().unwrap()
}

#[test]
fn a_name_is_said_in_the_handshake_and_an_address_is_not() {
    assert_eq!(asked_name("localhost").as_deref(), Some("localhost"));
    assert_eq!(asked_name("127.0.0.1"), None);
}
