//! The page over HTTP: `/`, `/state` and `/act`, for the person at this machine and for nobody else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::act::{self, Act};
use crate::state;
use crate::world::World;

const PAGE: &str = include_str!("page.html");

/// How long a request that is still open may hold up the end.
const STOPS_WITHIN: Duration = Duration::from_secs(1);

/// Nothing is fetched from anywhere: neither fonts nor the pictures that messages name.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    world: Arc<World>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    let ours: Arc<[String]> = Arc::new([format!("127.0.0.1:{port}"), format!("localhost:{port}")]);
    let router = Router::new()
        .route("/", get(page))
        .route("/state", get(state_of))
        .route("/act", post(acted))
        .layer(middleware::from_fn_with_state(ours, guarded))
        .with_state(world);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        served = served.into_future() => served,
        () = async { stop.cancelled().await; tokio::time::sleep(STOPS_WITHIN).await } => Ok(()),
    }
}

/// Refuses what a page from elsewhere has made a browser send, by another name for this machine or by a request of its
/// own.
async fn guarded(State(ours): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    if !is_ours(&ours, request.method(), request.headers()) {
        return (StatusCode::FORBIDDEN, "The demo is driven only by its own page.\n").into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_ours(ours: &[String], method: &Method, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).is_some_and(|host| ours.iter().any(|own| own == host));
    let origin = headers.get(header::ORIGIN).is_none()
        || text(header::ORIGIN)
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_some_and(|origin| ours.iter().any(|own| own == origin));
    host && (origin || method == Method::GET)
}

async fn page() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE)).into_response()
}

async fn state_of(State(world): State<Arc<World>>) -> Response {
    match state::of(&world).await {
        Ok(state) => Json(state).into_response(),
        Err(error) => complain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
    }
}

async fn acted(State(world): State<Arc<World>>, Json(act): Json<Act>) -> Response {
    match act::act(&world, act).await {
        Ok(answer) => Json(answer).into_response(),
        Err(words) => complain(StatusCode::UNPROCESSABLE_ENTITY, &words),
    }
}

fn complain(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "error": words }))).into_response()
}
