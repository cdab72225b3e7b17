//! Serving https.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use katydid::target::{Config, Running};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::client::Client;
use crate::target_with;

/// A client's certificate and its key.
type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn connect(
    target: &Running,
    identity: Option<Identity>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let pem = target.ca_pem().unwrap();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        Some((certificate, key)) => config
            .with_client_auth_cert(vec![certificate], key)
            .unwrap(),
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, TcpStream::connect(target.address()).unwrap())
}

#[test]
fn https_works_with_the_certificate_it_hands_out() {
    let target = target_with(Config {
        tls: true,
        ..Config::default()
    });
    assert!(target.url().starts_with("https://"));
    let mut client = Client::over(connect(&target, None));
    assert_eq!(client.get("/bytes/100000").body.len(), 100_000);
    assert_eq!(
        client.get("/redirect/1").header("location"),
        Some("https://target/echo?from=redirect")
    );
    assert_eq!(client.get("/slow-body?chunks=2&ms=1").body.len(), 200);
}

#[test]
fn only_known_clients_are_let_in_where_that_is_asked_for() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let path = std::env::temp_dir().join(format!("katydid-client-ca-{}.pem", std::process::id()));
    std::fs::write(&path, authority.pem()).unwrap();
    let target = target_with(Config {
        tls: true,
        tls_client_ca: Some(path.clone()),
        ..Config::default()
    });
    std::fs::remove_file(path).unwrap();

    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default()
        .signed_by(&key, &authority)
        .unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut known = Client::over(connect(&target, Some((certificate.der().clone(), key))));
    assert_eq!(known.get("/").status, 200);

    let mut stranger = connect(&target, None);
    let sent = stranger.write_all(b"GET / HTTP/1.1\r\n\r\n");
    assert!(sent.and_then(|()| stranger.read(&mut [0])).is_err());
    assert_eq!(target.truth()["total"], 1);
}
