//! A registry on loopback that holds one image, as Nix built it: Docker pulls it by its digest. Nothing is pushed, which would
//! compress for minutes what is compressed already; and of an image that Docker has under another name it takes the
//! manifest alone, so that this costs next to nothing.
//!
//! What is served is the reading half of the OCI distribution specification, as far as `docker pull` asks for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use verify::docker::docker;

/// The image's name there.
const NAME: &str = "kind-node";

/// A registry. It ends when dropped, and Docker forgets the name of what it pulled.
pub(crate) struct Registry {
    port: u16,
    digest: String,
    has_ended: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What is there to be had: a path of the protocol, with its media type and its file.
type Shelf = BTreeMap<String, (String, PathBuf)>;

impl Registry {
    /// Serves the image that is in this output of the flake's.
    pub(crate) fn of(image: &Path) -> Self {
        let record = fs::read(image.join("record.json")).expect("an image has a record");
        let record: Value = serde_json::from_slice(&record).expect("the record is JSON");
        let word = |value: &Value| value.as_str().expect("a word").to_owned();
        let mut shelf = Shelf::from([("/v2/".to_owned(), ("application/json".to_owned(), "/dev/null".into()))]);
        let mut offer = |kind: &str, descriptor: &Value, file: PathBuf| {
            let path = format!("/v2/{NAME}/{kind}/{}", word(&descriptor["digest"]));
            shelf.insert(path, (word(&descriptor["mediaType"]), file));
        };
        offer("manifests", &record["manifest"], image.join("manifest.json"));
        offer("blobs", &record["config"], image.join("config.json"));
        for layer in record["layers"].as_array().expect("an image has layers") {
            let folder: PathBuf = word(&layer["path"]).into();
            offer("blobs", &layer["descriptor"], folder.join("layer.tar.gz"));
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let this = Self {
            port: listener.local_addr().expect("it has an address").port(),
            digest: word(&record["manifest"]["digest"]),
            has_ended: Arc::default(),
            asked: Arc::default(),
        };
        let (has_ended, asked, shelf) = (this.has_ended.clone(), this.asked.clone(), Arc::new(shelf));
        thread::spawn(move || {
            for connection in listener.incoming() {
                if has_ended.load(Ordering::SeqCst) {
                    return;
                }
                let (asked, shelf) = (asked.clone(), shelf.clone());
                // Whoever hangs up in the middle asks again, or says that it was not served.
                thread::spawn(move || connection.and_then(|connection| serve(&connection, &shelf, &asked)));
            }
        });
        this
    }

    /// How Docker names the image, by its digest.
    pub(crate) fn reference(&self) -> String {
        format!("127.0.0.1:{}/{NAME}@{}", self.port, self.digest)
    }

    /// The paths that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::SeqCst);
        // It looks once more, and ends.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        // A name alone: the image itself stays under its other one, and containers of it keep it.
        let _ = docker(["image", "rm", &self.reference()]);
    }
}

/// Answers one request, and closes.
fn serve(connection: &TcpStream, shelf: &Shelf, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut lines = BufReader::new(connection).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // Of the headers none matters.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let mut words = request.split(' ');
    let (verb, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if let Ok(mut asked) = asked.lock() {
        asked.push(path.to_owned());
    }
    let mut connection = connection;
    let Some((media_type, file)) = shelf.get(path) else {
        return connection.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    let digest = path
        .rsplit_once('/')
        .filter(|(_, digest)| digest.starts_with("sha256:"))
        .map(|(_, digest)| format!("Docker-Content-Digest: {digest}\r\n"))
        .unwrap_or_default();
    write!(
        connection,
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n{digest}Connection: close\r\n\r\n"
    )?;
    if verb == "GET" {
        io::copy(&mut file, &mut connection)?;
    }
    connection.flush()
}
