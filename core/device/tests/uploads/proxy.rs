//! A TCP proxy that counts what passes in each direction.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    pub connections: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
}

impl Proxy {
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            sent: Arc::default(),
            received: Arc::default(),
        };
        let it = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                it.connections.fetch_add(1, Ordering::SeqCst);
                let client = client.unwrap();
                let server = TcpStream::connect(server).unwrap();
                pump(
                    client.try_clone().unwrap(),
                    server.try_clone().unwrap(),
                    &it.sent,
                );
                pump(server, client, &it.received);
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bytes that passed to the server, and back.
    pub fn bytes(&self) -> (u64, u64) {
        (
            self.sent.load(Ordering::SeqCst),
            self.received.load(Ordering::SeqCst),
        )
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, count: &Arc<AtomicU64>) {
    let count = Arc::clone(count);
    std::thread::spawn(move || {
        let mut buffer = [0; 16_384];
        while let Ok(bytes @ 1..) = from.read(&mut buffer) {
            count.fetch_add(u64::try_from(bytes).unwrap(), Ordering::SeqCst);
            if to.write_all(&buffer[..bytes]).is_err() {
                break;
            }
        }
        // Whichever side ends first ends the other; it may be gone already.
        drop(to.shutdown(Shutdown::Write));
    });
}
