//! Whoever is too slow, or does nothing, keeps his place at the server only for a while.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::heard;

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_says_it_too_slowly_has_to_go() {
    let (_world, _, callback) = heard().await;
    let address = callback.trim_start_matches("http://").trim_end_matches("/twitch");
    let half = format!("POST /twitch HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9\r\n\r\n{{");
    for (said, answered, within) in [("", "", 160), ("POST /twitch", "", 160), (&half, "HTTP/1.1 408", 10)] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(said.as_bytes()).await.expect("sent");
        let mut answer = vec![0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(within), stream.read(&mut answer)).await;
        let length = read.expect("it is not waited for").unwrap_or(0);
        assert!(String::from_utf8_lossy(&answer[..length]).starts_with(answered), "{said:?}");
        assert_eq!(length == 0, answered.is_empty(), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_after_an_answer_has_to_go_as_well() {
    let (_world, _, callback) = heard().await;
    let address = callback.trim_start_matches("http://").trim_end_matches("/twitch");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let ask = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.expect("sent");
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.expect("an answer");
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..length]));
    let to_its_end = async { while stream.read(&mut answer).await.is_ok_and(|length| length > 0) {} };
    let ended = tokio::time::timeout(Duration::from_secs(160), to_its_end).await;
    assert!(ended.is_ok(), "it is waited for");
}

#[tokio::test(start_paused = true)]
async fn who_says_one_byte_now_and_then_has_to_go_as_well() {
    let (_world, _, callback) = heard().await;
    let address = callback.trim_start_matches("http://").trim_end_matches("/twitch");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let mut answer = [0; 64];
    let mut bytes = b"GET /healthz HTTP/1.1\r\nX-Long:".iter().chain(std::iter::repeat(&b'x'));
    for _ in 0..9 {
        let byte = *bytes.next().expect("there is always one more");
        stream.write_all(&[byte]).await.expect("sent");
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut answer)).await;
        if let Ok(read) = read {
            assert_eq!(read.unwrap_or(0), 0, "nothing is answered");
            return;
        }
    }
    panic!("it is waited for");
}

#[tokio::test(start_paused = true)]
async fn who_never_reads_the_answers_has_to_go() {
    let (_world, _, callback) = heard().await;
    let address: SocketAddr =
        callback.trim_start_matches("http://").trim_end_matches("/twitch").parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    // So that soon nothing more fits.
    socket.set_recv_buffer_size(4096).expect("a size");
    let mut stream = socket.connect(address).await.expect("a connection");
    let ask = "GET /twitch HTTP/1.1\r\nHost: livebell\r\n\r\n".repeat(100);
    let keep_asking = async { while stream.write_all(ask.as_bytes()).await.is_ok() {} };
    let ended = tokio::time::timeout(Duration::from_secs(160), keep_asking).await;
    assert!(ended.is_ok(), "it is waited for");
}
