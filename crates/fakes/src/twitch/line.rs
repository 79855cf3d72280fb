//! Accepted connections that can be cut from inside: by a fault, or because the fake was dropped.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

/// Turns each socket of another listener into a [`Line`].
pub(super) struct Lines<L> {
    pub(super) listener: L,
    /// Closed when the last handle of the fake is gone.
    pub(super) open: watch::Receiver<()>,
}

impl<L: Listener<Io = TcpStream, Addr = SocketAddr>> Listener for Lines<L> {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, peer) = self.listener.accept().await;
        let cord = Cord(Arc::new(Notify::new()));
        let (pulled, mut open) = (Arc::clone(&cord.0), self.open.clone());
        let end = Box::pin(async move {
            tokio::select! {
                () = pulled.notified() => {}
                _ = open.changed() => {}
            }
        });
        (Line { stream, end, is_cut: false, cord }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a handler pulls to cut its own connection.
#[derive(Clone, Debug)]
pub(super) struct Cord(Arc<Notify>);

impl Cord {
    pub(super) fn pull(&self) {
        self.0.notify_one();
    }
}

impl<L: Listener<Io = TcpStream, Addr = SocketAddr>> Connected<IncomingStream<'_, Lines<L>>> for Cord {
    fn connect_info(incoming: IncomingStream<'_, Lines<L>>) -> Self {
        incoming.io().cord.clone()
    }
}

/// One connection. Once cut, reading fails, upon which hyper drops socket and handler.
pub(super) struct Line {
    stream: TcpStream,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
    cord: Cord,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut || self.end.as_mut().poll(cx).is_ready() {
            self.is_cut = true;
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
