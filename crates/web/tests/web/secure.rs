//! Serving over HTTPS.

use std::path::PathBuf;

use katydid_web::Tls;

/// Files in a folder of their own, which goes with them.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("katydid-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What is left over is in a folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_certificate_and_its_key_are_read() {
    let files = Files::new("pair");
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
    let chain = files.write("cert.pem", &pair.cert.pem());
    let key = files.write("key.pem", &pair.signing_key.serialize_pem());
    assert!(Tls::from_files(&chain, &key).is_ok());
}

#[test]
fn a_file_that_is_no_certificate_or_key_is_named() {
    let files = Files::new("wrong");
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
    let chain = files.write("cert.pem", &pair.cert.pem());
    let nothing = files.write("nothing.pem", "nothing");
    let missing = files.0.join("missing.pem");
    for (chain, key, named) in [
        (&chain, &nothing, "nothing.pem"),
        (&missing, &chain, "missing.pem"),
    ] {
        let error = Tls::from_files(chain, key)
            .expect_err("a refusal")
            .to_string();
        assert!(error.contains(named), "{error}");
    }
}
