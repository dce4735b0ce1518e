//! The server: one task accepts, one task a connection answers.

use std::convert::Infallible;
use std::fs::File;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::api::{Answer, Api, ApiRequest, BODY_BYTES_MAX, Content, RequestBody};
use crate::credential::Credential;
use crate::pacing::PacedEvents;
use crate::record::{Record, RecordedRequest};
use crate::reply::Fault;
use crate::script::Script;
use crate::sse;

/// What a server does besides following its script.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A file to which every request is appended as a line of JSON.
    pub record: Option<PathBuf>,
    /// What requests must carry; without it anything goes.
    pub expect_credential: Option<Credential>,
}

/// Why a server cannot start.
#[derive(Debug, Error)]
pub enum BindError {
    /// The address cannot be listened on.
    #[error("failed to listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The record cannot be written.
    #[error("failed to open the record {}: {source}; name a file in a writable directory with --record", file.display())]
    Record {
        /// The file that was asked for.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A running API. It ends when it is shut down or dropped.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    started: Instant,
    /// Held from the choice of an answer until it is recorded, so that the record has the order of the answers.
    served: Mutex<Served>,
}

#[derive(Debug)]
struct Served {
    api: Api,
    record: Record,
}

type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;
type ResponseError = Box<dyn std::error::Error + Send + Sync>;

impl Server {
    /// Listens on the address and answers until the end. Port 0 lets the system choose.
    ///
    /// # Errors
    /// The address is taken or is none of this machine's; the record's file cannot be opened.
    pub async fn bind(address: SocketAddr, script: Script, options: Options) -> Result<Self, BindError> {
        let Options {
            record,
            expect_credential,
        } = options;
        let open = |file: PathBuf| {
            File::options()
                .create(true)
                .append(true)
                .open(&file)
                .map_err(|source| BindError::Record { file, source })
        };
        let record = Record::new(record.map(open).transpose()?);
        let listen_error = |source| BindError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen_error)?;
        let local_addr = listener.local_addr().map_err(listen_error)?;

        let served = Mutex::new(Served {
            api: Api::new(script, expect_credential),
            record,
        });
        let state = Arc::new(State {
            started: Instant::now(),
            served,
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Server {
            local_addr,
            state,
            accepting,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// All requests that were answered so far, in the order of the answers.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state.served().record.requests.clone()
    }

    /// Closes the listener and drops every connection, answered or not.
    pub async fn shutdown(mut self) {
        self.accepting.abort();
        // What it ended with is the abort that was just asked for.
        let _aborted = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// A panic elsewhere leaves nothing half done here.
    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Owns the connections: they end when it does.
async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&state)));
                }
                // Out of file descriptors, most likely: connections must end before the next can begin.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    // Without it a paced delta would wait for its predecessor's acknowledgement.
    let _not_a_tcp_stream = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, Arc::clone(&state)));
    // An error is a client that left or a fault that the script wanted; neither concerns another connection.
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An error drops the connection without a word.
async fn respond(request: Request<Incoming>, state: Arc<State>) -> Result<Response<ResponseBody>, ResponseError> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz") => Ok(Response::new(full("ok\n"))),
        (&Method::GET, "/recorded-requests") => {
            let requests = serde_json::to_vec(&state.served().record.requests)?;
            Ok(Response::builder()
                .header(CONTENT_TYPE, "application/json")
                .body(full(requests))?)
        }
        _ => {
            let milliseconds = u64::try_from(state.started.elapsed().as_millis())?;
            let (parts, body) = request.into_parts();
            let body = read(body).await?;
            let (number, answer) = {
                let mut served = state.served();
                let number = served.record.requests.len() as u64;
                let request = ApiRequest {
                    number,
                    method: &parts.method,
                    uri: &parts.uri,
                    headers: &parts.headers,
                    body,
                };
                let answer = served.api.answer(&request);
                served
                    .record
                    .push(RecordedRequest::new(milliseconds, request, &answer))?;
                (number, answer)
            };
            deliver(answer, format!("req_{number:024}")).await
        }
    }
}

/// Reads a body to its end even if it is too large: a client that is still writing would not see the answer.
async fn read(mut body: Incoming) -> Result<RequestBody, hyper::Error> {
    let mut bytes = Vec::new();
    let mut too_large = false;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        too_large |= bytes.len() + data.len() > BODY_BYTES_MAX;
        if !too_large {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(match too_large {
        true => RequestBody::TooLarge,
        false => serde_json::from_slice(&bytes).map_or(RequestBody::Other, RequestBody::Json),
    })
}

async fn deliver(answer: Answer, request_id: String) -> Result<Response<ResponseBody>, ResponseError> {
    let Answer {
        content, pace, fault, ..
    } = answer;
    sleep(pace.before_first_byte()).await;

    let response = Response::builder().header("request-id", &request_id);
    let json = |body: Vec<u8>| (("application/json"), full(body));
    // An answer that is not streamed is one event: whatever goes wrong, goes wrong before it.
    let before_everything = |fault: &Fault| fault.after_events() == 0 || !matches!(content, Content::Stream(_));
    match fault.filter(before_everything) {
        Some(Fault::CutAfterEvents(_)) => return Err("cut as the script wants".into()),
        Some(Fault::HangAfterEvents(_)) => return pending().await,
        None => {}
    }
    let (response, (content_type, body)) = match content {
        Content::Nothing => return Ok(response.body(full(""))?),
        Content::TokenCount(tokens) => (
            response,
            json(serde_json::to_vec(&serde_json::json!({ "input_tokens": tokens }))?),
        ),
        Content::Message(message) => (response, json(serde_json::to_vec(&message.whole())?)),
        Content::Stream(message) => {
            let events = PacedEvents::new(sse::events(message), pace.between_deltas(), fault);
            let response = response.header(CACHE_CONTROL, "no-cache");
            (response, ("text/event-stream; charset=utf-8", events.boxed_unsync()))
        }
        Content::Error(error) => {
            let mut response = response.status(error.status);
            if let Some(seconds) = error.retry_after_seconds {
                response = response.header(RETRY_AFTER, seconds);
            }
            if let Some(should_retry) = error.should_retry {
                response = response.header("x-should-retry", should_retry.to_string());
            }
            (response, json(error.body(&request_id)?))
        }
    };
    Ok(response.header(CONTENT_TYPE, content_type).body(body)?)
}

fn full(bytes: impl Into<Bytes>) -> ResponseBody {
    let infallible = |error: Infallible| match error {};
    Full::new(bytes.into()).map_err(infallible).boxed_unsync()
}
