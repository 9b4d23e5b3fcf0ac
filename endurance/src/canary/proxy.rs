//! A proxy between phones and the server that keeps every byte of both directions.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Bytes that are passed on at once.
const PART_BYTES: usize = 64 * 1_024;
/// How long one side may be silent while the other has not ended, before both are taken to be gone.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// Its address now, and for as long as it lives.
pub struct Proxy {
    address: SocketAddr,
    is_ended: Arc<AtomicBool>,
}

/// A proxy that knows its own address, and not yet whom it is for.
pub struct Bound(TcpListener);

impl Bound {
    /// Takes a free port.
    ///
    /// # Errors
    /// There is none.
    pub fn new() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        Ok(Self(listener.context("the proxy cannot listen")?))
    }

    /// How phones address it.
    ///
    /// # Errors
    /// The system does not know.
    pub fn url(&self) -> Result<String> {
        Ok(format!("http://{}", self.0.local_addr()?))
    }

    /// Passes everything on to the server there, and keeps it in this folder.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn pass_on(self, server: SocketAddr, folder: &Path) -> Result<Proxy> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let proxy = Proxy {
            address: self.0.local_addr()?,
            is_ended: Arc::default(),
        };
        let (is_ended, folder) = (Arc::clone(&proxy.is_ended), folder.to_owned());
        thread::spawn(move || {
            for (number, phone) in self.0.incoming().enumerate() {
                if is_ended.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(phone) = phone {
                    let names =
                        ["sent", "answered"].map(|side| folder.join(format!("{number:05}.{side}")));
                    thread::spawn(move || connect(phone, server, names));
                }
            }
        });
        Ok(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::SeqCst);
        // The listener looks up when somebody comes.
        drop(TcpStream::connect(self.address));
    }
}

/// A broken connection is the phone's matter: it sees the same.
fn connect(phone: TcpStream, server: SocketAddr, [sent, answered]: [PathBuf; 2]) {
    let Ok(server) = TcpStream::connect(server) else {
        drop(phone.shutdown(Shutdown::Both));
        return;
    };
    let (Ok(phone_again), Ok(server_again)) = (phone.try_clone(), server.try_clone()) else {
        return;
    };
    let up = thread::spawn(move || pass(phone, server, &sent));
    pass(server_again, phone_again, &answered);
    drop(up.join());
}

/// What is kept is kept before it is passed on.
fn pass(mut from: TcpStream, mut to: TcpStream, kept: &Path) {
    let Ok(mut kept) = File::create(kept) else {
        return;
    };
    drop(from.set_read_timeout(Some(SILENCE_MAX)));
    let mut part = vec![0; PART_BYTES];
    while let Ok(length) = from.read(&mut part) {
        let part = &part[..length];
        if length == 0 || kept.write_all(part).is_err() || to.write_all(part).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
    drop(from.shutdown(Shutdown::Read));
}
