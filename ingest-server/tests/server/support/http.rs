//! HTTP/1.1 by hand, so that a test can also break off in the middle.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads an answer to the connection's end.
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("the answer is read");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let body = bytes.split_off(end.expect("the answer has a head") + 4);
        let head = String::from_utf8(bytes).expect("the head is text");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Self {
            status: status.expect("the head has a status"),
            head: head.to_ascii_lowercase(),
            body,
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The `code` of a problem, after its form was checked.
    pub fn code(&self) -> String {
        assert!(
            self.head.contains("content-type: application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        problem["code"]
            .as_str()
            .expect("a problem has a code")
            .to_owned()
    }
}

/// Sends a request's head; the body is the caller's.
pub fn begin(address: SocketAddr, line: &str, headers: &[(&str, &str)]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server accepts connections");
    let mut head = format!("{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    let lines = headers
        .iter()
        .map(|(name, value)| [name, ": ", value, "\r\n"].concat());
    head.extend(lines);
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).expect("the head is sent");
    stream
}

/// A request whose body comes in chunks and announces no length; its answer, which may come before the body's end.
pub fn chunked<'a>(
    address: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Reply {
    let headers = [headers, &[("transfer-encoding", "chunked")]].concat();
    let mut stream = begin(address, line, &headers);
    let mut put = |bytes: &[u8]| stream.write_all(bytes).is_ok();
    let sent = chunks.into_iter().all(|chunk| {
        let size = format!("{:x}\r\n", chunk.len());
        put(size.as_bytes()) && put(chunk) && put(b"\r\n")
    });
    if sent {
        put(b"0\r\n\r\n");
    }
    Reply::read(&mut stream)
}

/// Sends the same request without a body so many times on one connection; how many were answered 200.
pub fn pipelined(address: SocketAddr, line: &str, times: usize) -> usize {
    const AT_ONCE: usize = 500;
    let mut stream = TcpStream::connect(address).expect("the server accepts connections");
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nwayhex-version: 1\r\ncontent-length: 0\r\n\r\n"
    );
    let answered = |bytes: &[u8]| {
        bytes
            .windows(12)
            .filter(|part| part == b"HTTP/1.1 200")
            .count()
    };
    let mut good = 0;
    let mut left = times;
    while left > 0 {
        let now = left.min(AT_ONCE);
        stream
            .write_all(request.repeat(now).as_bytes())
            .expect("the requests are sent");
        let (mut bytes, mut found) = (Vec::new(), 0);
        while found < now {
            let mut part = [0; 8_192];
            let length = stream.read(&mut part).expect("the answers are read");
            assert!(length > 0, "the server hung up");
            bytes.extend_from_slice(&part[..length]);
            found = answered(&bytes);
        }
        good += found;
        left -= now;
    }
    good
}

/// A whole request and its answer.
pub fn request(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let length = body.len().to_string();
    let headers = [headers, &[("content-length", length.as_str())]].concat();
    let mut stream = begin(address, line, &headers);
    // A server that refuses early may close before it has read everything; its answer counts.
    stream.write_all(body).ok();
    Reply::read(&mut stream)
}
